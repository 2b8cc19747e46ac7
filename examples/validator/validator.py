"""The same example validator with nothing but Python's standard library (3.8 or newer).

VALIDATOR_TOKEN=secret python3 validator.py 9090 numbers.txt
"""
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ["VALIDATOR_TOKEN"]
with open(sys.argv[2], encoding="ascii") as lines:
    KNOWN = {line.strip() for line in lines}


def check(number):
    if number in KNOWN:
        return {"number": number, "status": "ACTIVE", "strength": 1, "method": "inbound_message", "ttlSeconds": 30 * 86400}
    return {"number": number, "status": "UNKNOWN", "method": "inbound_message", "reason": "never wrote to us", "ttlSeconds": 86400}


class Validator(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        shown = self.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(shown, f"Bearer {TOKEN}".encode("latin-1")):
            return self.reply(401, {"error": "wrong token"})
        try:
            numbers = json.loads(body)["numbers"]
        except (ValueError, KeyError, TypeError):
            return self.reply(400, {"error": "want a request of version 1"})
        return self.reply(200, {"version": 1, "results": [check(number) for number in numbers]})

    def reply(self, status, answer):
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):  # the request line holds no number, but nobody needs it either
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Validator)
    print(f"validator listens on http://127.0.0.1:{server.server_port}/check", flush=True)
    server.serve_forever()
