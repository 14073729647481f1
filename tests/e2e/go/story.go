package main

import (
	"encoding/json"
	"os"
)

const servicePrincipal = "iam.amazonaws.com"

// Story is what happened, by the name of each step.
type Story map[string]any

type teller struct {
	management        Caller
	delegate          Caller
	delegateAccountID string
	story             Story
}

// mustPanic carries an error that isn't a refusal out of the depth of the story.
type mustPanic struct{ err error }

func runStory() (result any, err error) {
	var given struct {
		Management        Keys
		Delegate          Keys
		DelegateAccountID string `json:"delegateAccountId"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return nil, err
	}
	defer func() {
		if caught, ok := recover().(mustPanic); ok {
			err = caught.err
		}
	}()
	t := teller{Caller{keys: given.Management}, Caller{keys: given.Delegate}, given.DelegateAccountID, Story{}}
	t.enable()
	accounts := t.listAccounts()
	audited := t.audit(accounts)
	t.story["audit"] = audited
	targets := t.deleteSome(accounts, audited)
	t.recoverOne(targets[0])
	return t.story, nil
}

func attempt(caller Caller, service, operation string, input map[string]any) Answer {
	text, err := json.Marshal(input)
	if err != nil {
		panic(mustPanic{err})
	}
	answer, err := caller.call(service, operation, text)
	if err != nil {
		panic(mustPanic{err})
	}
	return answer
}

func (t teller) enable() {
	management, story := t.management, t.story
	trust := map[string]any{"ServicePrincipal": servicePrincipal}
	registration := map[string]any{"ServicePrincipal": servicePrincipal, "AccountId": t.delegateAccountID}
	story["caller"] = attempt(management, "sts", "GetCallerIdentity", nil)
	story["organization"] = attempt(management, "organizations", "DescribeOrganization", nil)
	story["features before trust"] = attempt(management, "iam", "ListOrganizationsFeatures", nil)
	story["enable trust"] = attempt(management, "organizations", "EnableAWSServiceAccess", trust)
	story["enable credentials"] = attempt(management, "iam", "EnableOrganizationsRootCredentialsManagement", nil)
	story["enable sessions"] = attempt(management, "iam", "EnableOrganizationsRootSessions", nil)
	story["delegate"] = attempt(management, "organizations", "RegisterDelegatedAdministrator", registration)
	story["features"] = attempt(t.delegate, "iam", "ListOrganizationsFeatures", nil)
}

func (t teller) listAccounts() []map[string]any {
	accounts, pages := []map[string]any{}, []int{}
	input := map[string]any{}
	for {
		page := attempt(t.delegate, "organizations", "ListAccounts", input)
		found := listOf(page, "Accounts")
		accounts = append(accounts, found...)
		pages = append(pages, len(found))
		token, more := page.Output["NextToken"]
		if !more {
			break
		}
		input["NextToken"] = token
	}
	t.story["pages"], t.story["accounts"] = pages, accounts
	return accounts
}

func listOf(answer Answer, name string) []map[string]any {
	found := []map[string]any{}
	items, _ := answer.Output[name].([]any)
	for _, item := range items {
		found = append(found, item.(map[string]any))
	}
	return found
}

func (t teller) openRootSession(accountID, task string) (Caller, Answer) {
	answer := attempt(t.delegate, "sts", "AssumeRoot", map[string]any{
		"TargetPrincipal": accountID,
		"TaskPolicyArn":   map[string]any{"Arn": "arn:aws:iam::aws:policy/root-task/" + task},
		"DurationSeconds": 900,
	})
	if !answer.OK {
		return Caller{}, answer
	}
	return Caller{keys: keysOf(answer)}, answer
}

func (t teller) readSummary(accountID string) Answer {
	session, opened := t.openRootSession(accountID, "IAMAuditRootUserCredentials")
	if !opened.OK {
		return opened
	}
	answer := attempt(session, "iam", "GetAccountSummary", nil)
	if !answer.OK {
		return answer
	}
	summary := answer.Output["SummaryMap"].(map[string]any)
	answer.Output = map[string]any{"summary": map[string]any{
		"password":             summary["AccountPasswordPresent"],
		"access_keys":          summary["AccountAccessKeysPresent"],
		"signing_certificates": summary["AccountSigningCertificatesPresent"],
		"mfa_devices":          summary["AccountMFAEnabled"],
	}}
	return answer
}

func (t teller) audit(accounts []map[string]any) map[string]Answer {
	organization := t.story["organization"].(Answer).Output["Organization"].(map[string]any)
	found := map[string]Answer{}
	for _, account := range accounts {
		id := account["Id"].(string)
		if account["State"] == "ACTIVE" && id != organization["MasterAccountId"] {
			found[id] = t.readSummary(id)
		}
	}
	return found
}

func (t teller) deleteSome(accounts []map[string]any, audited map[string]Answer) []string {
	targets := t.chooseTargets(accounts, audited)
	deleted, after := map[string]Answer{}, map[string]Answer{}
	for _, target := range targets {
		deleted[target] = t.deleteEverything(target)
	}
	for _, target := range targets {
		after[target] = t.readSummary(target)
	}
	t.story["targets"], t.story["deleted"], t.story["after_deletion"] = targets, deleted, after
	return targets
}

// chooseTargets finds the first accounts that together hold every kind, so that every kind is deleted somewhere.
func (t teller) chooseTargets(accounts []map[string]any, audited map[string]Answer) []string {
	missing := map[string]bool{"password": true, "access_keys": true, "signing_certificates": true, "mfa_devices": true}
	targets := []string{}
	for _, account := range accounts {
		id := account["Id"].(string)
		answer, read := audited[id]
		if !read || !answer.OK || id == t.delegateAccountID {
			continue
		}
		needed := false
		for kind, present := range answer.Output["summary"].(map[string]any) {
			if present.(float64) > 0 && missing[kind] {
				delete(missing, kind)
				needed = true
			}
		}
		if needed {
			targets = append(targets, id)
		}
	}
	return targets
}

func (t teller) deleteEverything(accountID string) Answer {
	session, opened := t.openRootSession(accountID, "IAMDeleteRootUserCredentials")
	if !opened.OK {
		return opened
	}
	refused := []Answer{}
	remove := func(operation string, input map[string]any) {
		if answer := attempt(session, "iam", operation, input); !answer.OK {
			refused = append(refused, answer)
		}
	}
	identity := attempt(session, "sts", "GetCallerIdentity", nil)
	keys := listOf(attempt(session, "iam", "ListAccessKeys", nil), "AccessKeyMetadata")
	for _, key := range keys {
		remove("DeleteAccessKey", map[string]any{"AccessKeyId": key["AccessKeyId"]})
	}
	certificates := listOf(attempt(session, "iam", "ListSigningCertificates", nil), "Certificates")
	for _, certificate := range certificates {
		remove("DeleteSigningCertificate", map[string]any{"CertificateId": certificate["CertificateId"]})
	}
	profile := attempt(session, "iam", "GetLoginProfile", nil)
	if profile.OK {
		remove("DeleteLoginProfile", nil)
	}
	devices := listOf(attempt(session, "iam", "ListMFADevices", nil), "MFADevices")
	for _, device := range devices {
		remove("DeactivateMFADevice", map[string]any{"SerialNumber": device["SerialNumber"]})
	}
	if len(refused) > 0 {
		return refused[0]
	}
	return Answer{OK: true, Status: 200, Output: map[string]any{
		"arn": identity.Output["Arn"], "keys": keys, "certificates": certificates, "devices": devices, "profile": profile,
	}}
}

func (t teller) recoverOne(accountID string) {
	story := t.story
	story["recovered"] = accountID
	creation, _ := t.openRootSession(accountID, "IAMCreateRootUserPassword")
	story["profile before recovery"] = attempt(creation, "iam", "GetLoginProfile", nil)
	story["allow recovery"] = attempt(creation, "iam", "CreateLoginProfile", nil)
	story["allow recovery again"] = attempt(creation, "iam", "CreateLoginProfile", nil)
	story["while_open"] = t.readSummary(accountID)
	closing, _ := t.openRootSession(accountID, "IAMDeleteRootUserCredentials")
	story["close"] = attempt(closing, "iam", "DeleteLoginProfile", nil)
	story["close again"] = attempt(closing, "iam", "DeleteLoginProfile", nil)
	story["after_closing"] = t.readSummary(accountID)
}
