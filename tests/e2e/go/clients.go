package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Keys are an access key, and the session's token if it is a temporary one.
type Keys struct {
	AccessKeyId     string
	SecretAccessKey string
	SessionToken    string
}

// Answer is what an operation answered, or how it was refused, as plain data.
type Answer struct {
	OK      bool           `json:"ok"`
	Status  int            `json:"status"`
	Output  map[string]any `json:"output,omitempty"`
	Code    string         `json:"code,omitempty"`
	Message string         `json:"message,omitempty"`
}

// Caller is a principal with keys.
type Caller struct {
	keys   Keys
	region string
}

// call calls an operation by its API name with an input in JSON, once: a second attempt would hide what the first one
// was answered. What isn't a refusal by the server is an error.
func (caller Caller) call(service, operation string, input json.RawMessage) (Answer, error) {
	client, err := caller.client(service)
	if err != nil {
		return Answer{}, err
	}
	method := reflect.ValueOf(client).MethodByName(operation)
	if !method.IsValid() {
		return Answer{}, fmt.Errorf("%s has no operation %s", service, operation)
	}
	given := reflect.New(method.Type().In(1).Elem())
	if len(input) > 0 {
		if err := json.Unmarshal(input, given.Interface()); err != nil {
			return Answer{}, fmt.Errorf("%s: %w", operation, err)
		}
	}
	returned := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), given})
	if failure, _ := returned[1].Interface().(error); failure != nil {
		return refusalOf(failure)
	}
	output, err := plain(returned[0].Interface())
	return Answer{OK: true, Status: 200, Output: output}, err
}

// clients are made once for each caller and service, as a program would that runs for long.
var clients = map[string]any{}

func (caller Caller) client(service string) (any, error) {
	key := caller.keys.AccessKeyId + caller.keys.SecretAccessKey + caller.region + service
	if client, made := clients[key]; made {
		return client, nil
	}
	client, err := caller.makeClient(service)
	clients[key] = client
	return client, err
}

func (caller Caller) makeClient(service string) (any, error) {
	provider := credentials.NewStaticCredentialsProvider(
		caller.keys.AccessKeyId, caller.keys.SecretAccessKey, caller.keys.SessionToken)
	options := []func(*config.LoadOptions) error{
		config.WithCredentialsProvider(provider),
		config.WithRetryMaxAttempts(1),
	}
	if caller.region != "" {
		options = append(options, config.WithRegion(caller.region))
	}
	settings, err := config.LoadDefaultConfig(context.Background(), options...)
	if err != nil {
		return nil, err
	}
	return makeClient(service, settings)
}

func makeClient(service string, settings aws.Config) (any, error) {
	switch service {
	case "iam":
		return iam.NewFromConfig(settings), nil
	case "organizations":
		return organizations.NewFromConfig(settings), nil
	case "s3":
		return s3.NewFromConfig(settings), nil
	case "sqs":
		return sqs.NewFromConfig(settings), nil
	case "sts":
		return sts.NewFromConfig(settings), nil
	}
	return nil, fmt.Errorf("there is no client of %q", service)
}

func refusalOf(failure error) (Answer, error) {
	var refused smithy.APIError
	if !errors.As(failure, &refused) {
		return Answer{}, failure
	}
	answer := Answer{Code: refused.ErrorCode(), Message: refused.ErrorMessage()}
	var response *awshttp.ResponseError
	if errors.As(failure, &response) {
		answer.Status = response.HTTPStatusCode()
	}
	return answer, nil
}

// plain turns an output into what JSON holds, without what is absent and without what the SDK adds.
func plain(output any) (map[string]any, error) {
	text, err := json.Marshal(output)
	if err != nil {
		return nil, err
	}
	var found map[string]any
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, err
	}
	delete(found, "ResultMetadata")
	return withoutNull(found).(map[string]any), nil
}

func withoutNull(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, item := range value {
			if item == nil {
				delete(value, name)
			} else {
				value[name] = withoutNull(item)
			}
		}
	case []any:
		for index, item := range value {
			value[index] = withoutNull(item)
		}
	}
	return value
}

func keysOf(answer Answer) Keys {
	found := answer.Output["Credentials"].(map[string]any)
	return Keys{
		found["AccessKeyId"].(string), found["SecretAccessKey"].(string), found["SessionToken"].(string),
	}
}
