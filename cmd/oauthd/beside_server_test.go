package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// besideServer serves until its standard input ends, and prints its address: a server, or, given one's URL, a plain
// reverse proxy before that.
func besideServer() {
	var h http.Handler = http.HandlerFunc(answerBeside)
	if len(os.Args) > 1 {
		to, err := url.Parse(os.Args[1])
		if err != nil {
			panic(err)
		}
		web := http.DefaultTransport.(*http.Transport).Clone()
		web.MaxIdleConnsPerHost = 64 // with two, the default, it would be no match under load
		h = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: web}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	go func() { _ = http.Serve(l, h) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// answerBeside answers a message, or with text; a stream has one event, and stays open.
func answerBeside(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case bytes.Contains(body, []byte(`"stream"`)) || r.URL.Path == "/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case len(body) > 0:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	default:
		_, _ = io.WriteString(w, "hello")
	}
}
