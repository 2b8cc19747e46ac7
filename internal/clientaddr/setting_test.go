package clientaddr_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"phoneregistry/internal/clientaddr"
)

func TestWhoIsTrusted(t *testing.T) {
	for _, c := range []struct{ trusted, peer, other string }{
		{"10.1.0.0/16", "10.1.255.255", "10.2.0.0"},
		{"10.1.2.3", "10.1.2.3", "10.1.2.4"},
		{" 10.1.2.3 ", "10.1.2.3", "10.1.2.4"},
		{"2001:db8::/48", "2001:db8::ffff", "2001:db8:1::"},
		{"2001:db8::1", "2001:db8::1", "2001:db8::2"},
		{"::ffff:10.1.0.0/112", "10.1.2.3", "10.2.0.0"},
		{"::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"},
		{"fe80::/10", "fe80::1%eth0", "fec0::1"},
		{"loopback", "127.9.9.9", "128.0.0.1"},
		{"Loopback", "::1", "::2"},
		{"private", "10.255.255.255", "11.0.0.0"},
		{"private", "172.31.0.1", "172.32.0.1"},
		{"private", "192.168.3.4", "192.169.0.0"},
		{"PRIVATE", "fd12::1", "fe00::1"},
		{"private", "10.0.0.1", "127.0.0.1"},
	} {
		p, err := clientaddr.New([]string{"192.0.2.0/24", c.trusted}, "")
		if err != nil {
			t.Errorf("%s: %v", c.trusted, err)
			continue
		}
		header := http.Header{clientaddr.XForwardedFor: {"203.0.113.7"}}
		if got := p.Client(net.JoinHostPort(c.peer, "1"), header).String(); got != "203.0.113.7" {
			t.Errorf("%s: %s is not trusted", c.trusted, c.peer)
		}
		if got := p.Client(net.JoinHostPort(c.other, "1"), header).String(); got != c.other {
			t.Errorf("%s: %s is trusted", c.trusted, c.other)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	many := make([]string, 257)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.%d.%d", i/256, i%256)
	}
	if _, err := clientaddr.New(many[1:], ""); err != nil {
		t.Errorf("256: %v", err)
	}
	if _, err := clientaddr.New(append(many[1:], many[1:]...), ""); err != nil {
		t.Errorf("256, twice: %v", err)
	}
	for _, c := range []struct {
		trusted             []string
		header, value, want string
	}{
		{[]string{"10.0.0.0/8", "proxy.internal"}, "", "proxy.internal", "an address, a network such as 10.1.0.0/16"},
		{[]string{""}, "", "", "an address"},
		{[]string{"10.0.0.0/33"}, "", "10.0.0.0/33", "an address"},
		{[]string{"10.0.0.1:80"}, "", "10.0.0.1:80", "an address"},
		{[]string{"10.0.0.0-10.0.0.9"}, "", "10.0.0.0-10.0.0.9", "an address"},
		{[]string{"10.1.2.3/16"}, "", "10.1.2.3/16", "the network 10.1.0.0/16, or the address 10.1.2.3"},
		{[]string{"2001:db8::1/48"}, "", "2001:db8::1/48", "the network 2001:db8::/48, or the address 2001:db8::1"},
		{[]string{"0.0.0.0/0"}, "", "0.0.0.0/0", "believe everybody"},
		{[]string{"::/0"}, "", "::/0", "believe everybody"},
		{[]string{"::ffff:0:0/96"}, "", "::ffff:0:0/96", "believe everybody"},
		{[]string{"fe80::1%eth0"}, "", "fe80::1%eth0", "zone"},
		{nil, "X-Real-IP", "X-Real-IP", "X-Forwarded-For or Forwarded"},
		{many, "", "257", "at most 256"},
	} {
		_, err := clientaddr.New(c.trusted, c.header)
		wrong, ok := errors.AsType[*clientaddr.SettingError](err)
		if !ok || wrong.Value != c.value || !strings.Contains(wrong.Want, c.want) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q, %s", c.trusted, err, c.value, c.want)
		}
	}
}
