package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
)

var errAnswer = errors.New("the answer is not HTTP/1.1 as servers write it")

// answer reads an answer to its end, into c.body. Of its head it makes nothing but what it needs: net/http takes about as
// long to read an answer as some need to give it, on the same cores. open: another request may follow.
func (c *client) answer() (status int, open bool, err error) {
	line, err := headLine(c.reader)
	if err != nil {
		return 0, false, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, false, errAnswer
	}
	if status, err = strconv.Atoi(string(line[len("HTTP/1.1 "):len("HTTP/1.1 200")])); err != nil || status < 200 {
		return 0, false, errAnswer
	}
	length, chunked := -1, false
	open = true
	for {
		if line, err = headLine(c.reader); err != nil {
			return status, false, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return status, false, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			open = !bytes.EqualFold(value, []byte("close"))
		}
	}
	c.body.Reset()
	switch {
	case chunked:
		if _, err = io.Copy(&c.body, httputil.NewChunkedReader(c.reader)); err == nil {
			_, err = headLine(c.reader) // behind the last chunk; nobody here sends trailers
		}
	case length >= 0:
		c.body.Grow(length)
		_, err = io.CopyN(&c.body, c.reader, int64(length))
	default:
		_, err = io.Copy(&c.body, c.reader)
		open = false
	}
	return status, open, err
}

// headLine reads a line of a head, without its end. It is good until the next one is read.
func headLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read head of an answer: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
