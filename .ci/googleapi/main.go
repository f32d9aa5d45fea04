// Command googleapi shows that Google's generated clients take oauthd's token source. .ci/run compiles it; a module of
// its own keeps their size out of oauthd's.
package main

import (
	"context"
	"fmt"
	"log"

	googleoauth2 "google.golang.org/api/oauth2/v2"
	"google.golang.org/api/option"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

func main() {
	ctx := context.Background()
	var c client.Client

	source := c.TokenSource(ctx, api.TokenRequest{Account: "work"})
	service, err := googleoauth2.NewService(ctx, option.WithTokenSource(source))
	if err != nil {
		log.Fatal(err)
	}
	person, err := service.Userinfo.Get().Context(ctx).Do()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(person.Email)
}
