// Functions for wasmill.
package main

import wasmill "github.com/wasmill/wasmill/sdk/go"

func init() {
	wasmill.Scalar1("greet", func(name string) (string, error) {
		return "Hello, " + name + "!", nil
	}, wasmill.Description("Says hello."), wasmill.ArgumentNames("name"))
}

func main() {}
