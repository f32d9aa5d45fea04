package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Every call over gRPC carries the newest token, and none goes out in the clear.
func TestTokenSourceOverGRPC(t *testing.T) {
	m, c := newMint(t, time.Hour)
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	only := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("authorization"); len(got) != 1 || got[0] != bearer(m.newest()) {
			return nil, status.Error(codes.Unauthenticated, "not the newest token")
		}
		return handler(ctx, req)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])), grpc.UnaryInterceptor(only))
	healthpb.RegisterHealthServer(server, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	defer func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	source := oauth.TokenSource{TokenSource: c.TokenSource(t.Context(), work)}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithPerRPCCredentials(source),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Errorf("got %v, want the call let in", err)
		}
		m.supersede(time.Hour)
	}

	_, err = grpc.NewClient(l.Addr().String(), grpc.WithPerRPCCredentials(source), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err == nil || !strings.Contains(err.Error(), "transport level security") {
		t.Errorf("in the clear: got %v, want it refused", err)
	}
}
