"""A receiver of phoneregistry's webhooks, with nothing but the standard library.

    WEBHOOK_SECRET=whsec_… python3 receiver.py 9091
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
TOLERANCE = 5 * 60  # seconds that a time-stamp may be off


def verify(secret, headers, body):
    """Whether a message comes from who holds the secret. body: the bytes as they came."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    want = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # While a secret is being changed a message carries a signature of each.
    return any(hmac.compare_digest(want, got) for got in headers.get("webhook-signature", "").split())


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = set()  # a real one keeps ids with what it does about them, in one transaction

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        if not verify(SECRET, self.headers, body):
            return self.answer(401)
        message = json.loads(body)
        if message["id"] not in self.seen:
            self.seen.add(message["id"])
            print(message["type"], message["id"], flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"receiver listens on http://127.0.0.1:{server.server_port}/hook", flush=True)
    server.serve_forever()
