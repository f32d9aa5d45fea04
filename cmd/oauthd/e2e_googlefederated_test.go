package main

import (
	"context"
	"fmt"
	"os"

	adc "golang.org/x/oauth2/google"
)

// googleFederated is a program that uses Google's library for Go.
func googleFederated() int {
	ctx := context.Background()
	credentials, err := adc.FindDefaultCredentials(ctx, "https://www.googleapis.com/auth/cloud-platform")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	token, err := credentials.TokenSource.Token()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(token.AccessToken)
	return 0
}
