package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"quern/serve/client"
)

// A view is looked up by its keys; the answer has a column for each feature.
func ExampleClient_Lookup() {
	address, stop := exampleServer()
	defer stop()
	c, err := client.New(address, client.Options{Token: token})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	table, err := c.Lookup(context.Background(), &client.Request{
		Features: []string{"drivers:rate", "drivers:city"},
		Keys:     []client.Column{client.Of("driver_id", []int64{1000, 5})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	rates, err := client.Values[float32](table.Column("rate"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, rate := range rates {
		fmt.Println(rate, table.Column("rate").Status(i))
	}
	// Output:
	// 0.1 PRESENT
	// NaN NOT_FOUND
}

// Structs get the columns that their tags name. A pointer is nil where there is no value.
func ExampleInto() {
	address, stop := exampleServer()
	defer stop()
	c, err := client.New(address, client.Options{Token: token})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	table, err := c.Lookup(context.Background(), &client.Request{
		Service: "pricing", Keys: []client.Column{client.Of("driver_id", []int64{1000, 1001})}})
	if err != nil {
		fmt.Println(err)
		return
	}
	type driver struct {
		ID   int64    `quern:"driver_id"`
		Rate *float32 `quern:"rate"`
	}
	drivers, err := client.Into[driver](table)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range drivers {
		fmt.Println(d.ID, d.Rate != nil)
	}
	// Output:
	// 1000 true
	// 1001 false
}

// What the server refuses is an *Error with its code: quern explain Q601 says more.
func ExampleError() {
	address, stop := exampleServer()
	defer stop()
	c, err := client.New(address, client.Options{Token: token})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = c.Lookup(context.Background(), &client.Request{View: "riders", Keys: []client.Column{client.Of("rider_id", []int64{1})}})
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Class)
	}
	// Output:
	// Q601 FeatureViewNotFoundException
}

// exampleServer serves the view of the tests.
func exampleServer() (address string, stop func()) {
	dir, err := os.MkdirTemp("", "quern-example-")
	if err != nil {
		panic(err)
	}
	address, end := serving(dir, nil)
	return address, func() { end(); os.RemoveAll(dir) }
}
