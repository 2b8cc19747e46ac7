// Validator is an example of a service that phoneregistry asks about numbers: it implements docs/validator-openapi.yaml
// with evidence of one's own, a file with the numbers that have written to us. It is the place to start from for a
// service of your own; validator.py is the same in Python.
//
//	VALIDATOR_TOKEN=secret go run ./examples/validator --numbers numbers.txt
//	phoneregistry serve --webservice WHATSAPP=http://127.0.0.1:9090/check
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

type request struct {
	Version  int      `json:"version"`
	Platform string   `json:"platform"`
	Numbers  []string `json:"numbers"`
}

type result struct {
	Number     string  `json:"number"`
	Status     string  `json:"status"`
	Strength   float64 `json:"strength,omitempty"`
	Method     string  `json:"method"`
	Reason     string  `json:"reason,omitempty"`
	TTLSeconds int     `json:"ttlSeconds"`
}

type response struct {
	Version int      `json:"version"`
	Results []result `json:"results"`
}

func main() {
	listen := flag.String("listen", "127.0.0.1:9090", "address to listen on")
	file := flag.String("numbers", "", "file with one E.164 number in each line: those who wrote to us")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	handler, err := newValidator(*file, os.Getenv("VALIDATOR_TOKEN"))
	var listener net.Listener
	if err == nil {
		listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", *listen)
	}
	if err == nil {
		server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
		log.Info("validator listens", "url", "http://"+listener.Addr().String()+"/check")
		err = server.Serve(listener)
	}
	log.Error("validator ended", "error", err)
	os.Exit(1) //nolint:forbidigo // this is main
}

// newValidator reads the numbers and returns the service.
func newValidator(file, token string) (http.Handler, error) {
	if token == "" {
		return nil, errors.New("set VALIDATOR_TOKEN to the token that callers must show")
	}
	known, err := readNumbers(file)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /check", func(w http.ResponseWriter, r *http.Request) {
		if !sameSecret(r.Header.Get("Authorization"), "Bearer "+token) {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		var asked request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil || asked.Version != 1 {
			http.Error(w, "want a request of version 1", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(asked, known)) // fails when the caller has left; it will ask again
	})
	return mux, nil
}

// answer says ACTIVE for those who wrote to us. Of the others nothing is known, and that is what it says.
func answer(asked request, known map[string]bool) response {
	results := make([]result, 0, len(asked.Numbers))
	for _, number := range asked.Numbers {
		r := result{Number: number, Status: "UNKNOWN", Method: "inbound_message", Reason: "never wrote to us", TTLSeconds: 24 * 3600}
		if known[number] {
			r = result{Number: number, Status: "ACTIVE", Strength: 1, Method: "inbound_message", TTLSeconds: 30 * 24 * 3600}
		}
		results = append(results, r)
	}
	return response{Version: 1, Results: results}
}

// sameSecret compares without telling by its time how much was right.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func readNumbers(file string) (map[string]bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("numbers: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	known := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		known[strings.TrimSpace(lines.Text())] = true
	}
	return known, lines.Err()
}
