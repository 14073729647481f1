// Command story lives the main job against the sandbox with the AWS SDK for Go v2: `story` does the whole of it, as
// tests/e2e/javascript/story.mjs does, `calls` makes the calls that standard input lists, in order, and `creates` makes
// many creations, with the SDK's own repetitions.
//
// Clients are made as a user of AWS would: endpoint and Region come from the environment, only keys are given.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("usage: story story|calls|creates < INPUT")
	}
	var result any
	var err error
	switch arguments[0] {
	case "story":
		result, err = runStory()
	case "calls":
		result, err = makeCalls()
	case "creates":
		result, err = makeCreations()
	default:
		return fmt.Errorf("unknown command %q", arguments[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func makeCalls() (any, error) {
	var calls []struct {
		Service     string
		Operation   string
		Input       json.RawMessage
		Credentials Keys
		Session     string
		Keep        string
		Region      string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&calls); err != nil {
		return nil, err
	}
	kept := map[string]Keys{}
	answers := []Answer{}
	for _, call := range calls {
		keys := call.Credentials
		if call.Session != "" {
			keys = kept[call.Session]
		}
		answer, err := Caller{keys, call.Region}.call(call.Service, call.Operation, call.Input)
		if err != nil {
			return nil, err
		}
		if call.Keep != "" && answer.OK {
			kept[call.Keep] = keysOf(answer)
		}
		answers = append(answers, answer)
	}
	return answers, nil
}
