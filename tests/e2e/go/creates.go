package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
)

// trust is a role's trust policy; its statements make it as long as IAM allows.
const trust = `{"Version":"2012-10-17","Statement":[%s]}`
const statement = `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
const statements = 48

// creation is one call that would be refused if it were sent twice.
type creation func(ctx context.Context, number int) error

// makeCreations creates organizational units and twice as many roles, as many at once as given, and answers the errors.
// An organization has at most 2,000 organizational units.
//
// The SDK repeats calls as it does by default. In the worst order, each answer comes when it can be lost most easily.
func makeCreations() (any, error) {
	var given struct {
		Credentials Keys
		Count       int
		InFlight    int  `json:"inFlight"`
		WorstOrder  bool `json:"worstOrder"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return nil, err
	}
	creations, err := prepareCreations(given.Credentials, given.WorstOrder)
	if err != nil {
		return nil, err
	}
	numbers := make(chan int)
	var working sync.WaitGroup
	var failing sync.Mutex
	failures := []string{}
	for range given.InFlight {
		working.Add(1)
		go func() {
			defer working.Done()
			for number := range numbers {
				if err := creations[number%len(creations)](context.Background(), number); err != nil {
					failing.Lock()
					failures = append(failures, err.Error())
					failing.Unlock()
				}
			}
		}()
	}
	for number := range given.Count {
		numbers <- number
	}
	close(numbers)
	working.Wait()
	return map[string]any{"errors": failures}, nil
}

func prepareCreations(keys Keys, worstOrder bool) ([]creation, error) {
	provider := credentials.NewStaticCredentialsProvider(keys.AccessKeyId, keys.SecretAccessKey, keys.SessionToken)
	settings, err := config.LoadDefaultConfig(context.Background(), config.WithCredentialsProvider(provider))
	if err != nil {
		return nil, err
	}
	if worstOrder {
		settings.HTTPClient = worstOrderClient{}
	}
	roles, units := iam.NewFromConfig(settings), organizations.NewFromConfig(settings)
	found, err := units.ListRoots(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	policy := fmt.Sprintf(trust, strings.TrimSuffix(strings.Repeat(statement+",", statements), ","))
	createUnit := func(ctx context.Context, number int) error {
		name := fmt.Sprintf("unit-%d", number)
		input := organizations.CreateOrganizationalUnitInput{Name: &name, ParentId: found.Roots[0].Id}
		_, err := units.CreateOrganizationalUnit(ctx, &input)
		return err
	}
	createRole := func(ctx context.Context, number int) error {
		name := fmt.Sprintf("role-%d", number)
		_, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &policy})
		return err
	}
	return []creation{createUnit, createRole, createRole}, nil
}
