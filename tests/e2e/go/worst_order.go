package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// patience ends every wait that would otherwise be for ever.
const patience = 5 * time.Second

// worstOrderClient is an HTTP client in the order of a busy machine at its worst: the write of a request's body returns
// only after smithy-go has closed that body, which it does when it has the answer's head, and what wasn't read of the
// answer until then is read only after Go's transport has closed the connection.
type worstOrderClient struct{}

func (worstOrderClient) Do(request *http.Request) (*http.Response, error) {
	bodyClosed := make(chan struct{})
	if request.Body != nil {
		writer, _ := request.Body.(io.WriterTo)
		request.Body = &watchedBody{ReadCloser: request.Body, WriterTo: writer, closed: bodyClosed}
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		return &worstOrderConnection{Conn: connection, bodyClosed: bodyClosed, closed: make(chan struct{})}, err
	}}
	return transport.RoundTrip(request)
}

// watchedBody says when it was closed. It must have smithy-go's WriteTo, which Go's transport uses.
type watchedBody struct {
	io.ReadCloser
	io.WriterTo
	closed chan struct{}
	once   sync.Once
}

func (body *watchedBody) Close() error {
	defer body.once.Do(func() { close(body.closed) })
	return body.ReadCloser.Close()
}

// worstOrderConnection is for one request.
type worstOrderConnection struct {
	net.Conn
	bodyClosed chan struct{}
	closed     chan struct{}
	once       sync.Once
	writes     int
	reads      int
}

// Write sends the head at once, and returns from sending the body when the body was closed.
func (connection *worstOrderConnection) Write(data []byte) (int, error) {
	count, err := connection.Conn.Write(data)
	connection.writes++
	if connection.writes > 1 {
		wait(connection.bodyClosed)
	}
	return count, err
}

// Read reads what has come of the answer, and anything further when the connection was closed.
func (connection *worstOrderConnection) Read(data []byte) (int, error) {
	connection.reads++
	if connection.reads > 1 {
		wait(connection.closed)
	}
	return connection.Conn.Read(data)
}

func (connection *worstOrderConnection) Close() error {
	defer connection.once.Do(func() { close(connection.closed) })
	return connection.Conn.Close()
}

func wait(happened <-chan struct{}) {
	select {
	case <-happened:
	case <-time.After(patience):
	}
}
