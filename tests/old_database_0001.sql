BEGIN TRANSACTION;
CREATE TABLE accepted_setups (
	organization_id VARCHAR(34) NOT NULL, 
	ledger_sequence INTEGER NOT NULL, 
	accepted_at VARCHAR(27) NOT NULL, 
	accepted_by TEXT NOT NULL, 
	state TEXT NOT NULL, 
	CONSTRAINT pk_accepted_setups PRIMARY KEY (organization_id, ledger_sequence)
);
CREATE TABLE account_locks (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	owner_id VARCHAR(64), 
	fencing_token INTEGER NOT NULL, 
	purpose TEXT NOT NULL, 
	taken_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_account_locks PRIMARY KEY (organization_id, account_id)
);
INSERT INTO "account_locks" VALUES('o-atpb3bvs7c','506868360874',NULL,1,'deleting root user credentials','2026-11-29T13:04:53.745882Z');
INSERT INTO "account_locks" VALUES('o-atpb3bvs7c','124902349625',NULL,1,'recovery','2026-11-29T13:05:00.556208Z');
CREATE TABLE account_revisions (
	organization_id VARCHAR(34) NOT NULL, 
	inventory BIGINT NOT NULL, 
	statuses BIGINT NOT NULL, 
	windows BIGINT NOT NULL, 
	CONSTRAINT pk_account_revisions PRIMARY KEY (organization_id)
);
INSERT INTO "account_revisions" VALUES('o-atpb3bvs7c',5,4,4);
CREATE TABLE account_statuses (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	account TEXT NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	reason VARCHAR(32), 
	detail TEXT, 
	summary TEXT, 
	credentials TEXT, 
	observed_at VARCHAR(27), 
	session_access_key_id VARCHAR(128), 
	is_confirmed BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_account_statuses PRIMARY KEY (organization_id, account_id)
);
INSERT INTO "account_statuses" VALUES('o-atpb3bvs7c','888834372123','{"account_id":"888834372123","name":"Management","email":"aws+888834372123@example.com","state":"ACTIVE","ou_ids":["r-gyb7"],"ou_path":"","joined_at":"2024-02-10T13:04:28.000000Z","tags":null}','management','not_applicable','management_account',NULL,'{"has_password":false,"has_access_keys":true,"has_signing_certificates":false,"has_mfa_devices":false}',NULL,'2026-11-29T13:04:39.874540Z',NULL,0);
INSERT INTO "account_statuses" VALUES('o-atpb3bvs7c','124902349625','{"account_id":"124902349625","name":"Search Prod 00002","email":"aws+124902349625@example.com","state":"ACTIVE","ou_ids":["r-gyb7","ou-gyb7-vcnsogmp"],"ou_path":"","joined_at":"2022-09-26T13:04:28.000000Z","tags":null}','member','not_present',NULL,NULL,'{"has_password":false,"has_access_keys":false,"has_signing_certificates":false,"has_mfa_devices":false}',NULL,'2026-11-29T13:04:40.023498Z','ASIAR2FGCTM44SEMIOAF',0);
INSERT INTO "account_statuses" VALUES('o-atpb3bvs7c','506868360874','{"account_id":"506868360874","name":"Security","email":"aws+506868360874@example.com","state":"ACTIVE","ou_ids":["r-gyb7","ou-gyb7-ushbmjlf"],"ou_path":"Root/Unit 0001","joined_at":"2022-01-20T13:04:28.000000Z","tags":null}','member','not_present',NULL,NULL,'{"has_password":false,"has_access_keys":false,"has_signing_certificates":false,"has_mfa_devices":false}',NULL,'2026-11-29T13:04:54.030559Z','ASIAXMA5VM2VHL54IWMT',0);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit_statuses (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	audit_id VARCHAR(64) NOT NULL, 
	ended_at VARCHAR(27) NOT NULL, 
	account TEXT NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	reason VARCHAR(32), 
	detail TEXT, 
	summary TEXT, 
	credentials TEXT, 
	observed_at VARCHAR(27), 
	session_access_key_id VARCHAR(128), 
	is_confirmed BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_audit_statuses PRIMARY KEY (organization_id, account_id, audit_id)
);
INSERT INTO "audit_statuses" VALUES('o-atpb3bvs7c','888834372123','j-4e31d55cd4','2026-11-29T13:04:40.193939Z','{"account_id":"888834372123","name":"Management","email":"aws+888834372123@example.com","state":"ACTIVE","ou_ids":["r-gyb7"],"ou_path":"Root","joined_at":"2024-02-10T13:04:28.000000Z","tags":null}','management','not_applicable','management_account',NULL,'{"has_password":false,"has_access_keys":true,"has_signing_certificates":false,"has_mfa_devices":false}',NULL,'2026-11-29T13:04:39.874540Z',NULL,0);
INSERT INTO "audit_statuses" VALUES('o-atpb3bvs7c','506868360874','j-4e31d55cd4','2026-11-29T13:04:40.193939Z','{"account_id":"506868360874","name":"Security","email":"aws+506868360874@example.com","state":"ACTIVE","ou_ids":["r-gyb7","ou-gyb7-ushbmjlf"],"ou_path":"Root/Unit 0001","joined_at":"2022-01-20T13:04:28.000000Z","tags":null}','member','present',NULL,NULL,'{"has_password":true,"has_access_keys":false,"has_signing_certificates":false,"has_mfa_devices":true}','{"account_id":"506868360874","login_profile":{"created_at":"2024-09-20T13:04:28.000000Z","last_used_at":"2026-08-01T13:04:28.000000Z"},"access_keys":[],"signing_certificates":[],"mfa_devices":[{"mfa_serial_number":"arn:aws:iam::506868360874:mfa/root-account-mfa-device","kind":"virtual","enabled_at":"2024-09-20T13:04:28.000000Z"},{"mfa_serial_number":"GAHT16867666","kind":"hardware","enabled_at":"2024-09-30T13:04:28.000000Z"}],"observed_at":"2026-11-29T13:04:40.023620Z"}','2026-11-29T13:04:40.139276Z','ASIAXMA5VM2VPOIATNYB',0);
INSERT INTO "audit_statuses" VALUES('o-atpb3bvs7c','124902349625','j-4e31d55cd4','2026-11-29T13:04:40.193939Z','{"account_id":"124902349625","name":"Search Prod 00002","email":"aws+124902349625@example.com","state":"ACTIVE","ou_ids":["r-gyb7","ou-gyb7-vcnsogmp"],"ou_path":"Root/Unit 0003","joined_at":"2022-09-26T13:04:28.000000Z","tags":null}','member','not_present',NULL,NULL,'{"has_password":false,"has_access_keys":false,"has_signing_certificates":false,"has_mfa_devices":false}',NULL,'2026-11-29T13:04:40.023498Z','ASIAR2FGCTM44SEMIOAF',0);
CREATE TABLE audits (
	audit_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27) NOT NULL, 
	summary TEXT NOT NULL, 
	endpoint TEXT, 
	is_complete BOOLEAN DEFAULT 0 NOT NULL, 
	requested_by TEXT, 
	CONSTRAINT pk_audits PRIMARY KEY (audit_id)
);
INSERT INTO "audits" VALUES('j-4e31d55cd4','o-atpb3bvs7c','2026-11-29T13:04:39.690133Z','2026-11-29T13:04:40.193939Z','{"accounts":3,"present":1,"not_present":1,"recovery_open":0,"unknown":0,"not_applicable":1}','SANDBOX 127.0.0.1:45327',1,'operator@vm');
CREATE TABLE deletion_exceptions (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	owner TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	until VARCHAR(27) NOT NULL, 
	added_by TEXT NOT NULL, 
	added_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_deletion_exceptions PRIMARY KEY (organization_id, account_id)
);
INSERT INTO "deletion_exceptions" VALUES('o-atpb3bvs7c','506868360874','Ana','drill','2026-12-29T13:05:05.212880Z','operator@vm','2026-11-29T13:05:07.213931Z');
CREATE TABLE deliveries (
	notification_id VARCHAR(64) NOT NULL, 
	target TEXT NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt_at VARCHAR(27), 
	claimed_until VARCHAR(27), 
	delivered_at VARCHAR(27), 
	failure TEXT, 
	CONSTRAINT pk_deliveries PRIMARY KEY (notification_id, target), 
	CONSTRAINT fk_deliveries_notification_id FOREIGN KEY(notification_id) REFERENCES notifications (notification_id) ON DELETE CASCADE
);
CREATE TABLE email_attestations (
	organization_id VARCHAR(34) NOT NULL, 
	address VARCHAR(320) NOT NULL, 
	attested_by TEXT NOT NULL, 
	until VARCHAR(27) NOT NULL, 
	recorded_by TEXT NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_email_attestations PRIMARY KEY (organization_id, address)
);
CREATE TABLE factor_challenges (
	challenge_hash VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_factor_challenges PRIMARY KEY (challenge_hash)
);
CREATE TABLE factors (
	factor_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	identity_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	confirmed_at VARCHAR(27), 
	last_used_at VARCHAR(27), 
	sealed_seed TEXT, 
	last_step INTEGER, 
	credential_id TEXT, 
	public_key TEXT, 
	sign_count BIGINT, 
	CONSTRAINT pk_factors PRIMARY KEY (factor_id), 
	CONSTRAINT fk_factors_identity_id FOREIGN KEY(identity_id) REFERENCES identities (identity_id) ON DELETE CASCADE, 
	CONSTRAINT uq_factors_organization_id UNIQUE (organization_id, credential_id)
);
CREATE TABLE failed_attempts (
	organization_id VARCHAR(34) NOT NULL, 
	attempt_id VARCHAR(64) NOT NULL, 
	key_hash VARCHAR(64) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_failed_attempts PRIMARY KEY (organization_id, attempt_id, key_hash)
);
CREATE TABLE failsafe_confirmations (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	claim VARCHAR(16) NOT NULL, 
	basis VARCHAR(16) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	owner TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	until VARCHAR(27) NOT NULL, 
	recorded_by TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	CONSTRAINT pk_failsafe_confirmations PRIMARY KEY (organization_id, account_id, claim, basis, recorded_at)
);
CREATE TABLE first_administrator_links (
	token_hash VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_first_administrator_links PRIMARY KEY (token_hash)
);
CREATE TABLE identities (
	identity_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	folded_name TEXT NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	proof_hash TEXT NOT NULL, 
	created_by TEXT NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27), 
	disabled_at VARCHAR(27), 
	last_used_at VARCHAR(27), 
	signs_in_by VARCHAR(16) DEFAULT 'password' NOT NULL, 
	permissions TEXT, 
	organizational_units TEXT, 
	CONSTRAINT pk_identities PRIMARY KEY (identity_id), 
	CONSTRAINT uq_identities_organization_id UNIQUE (organization_id, folded_name)
);
INSERT INTO "identities" VALUES('t-b206c8d034','o-atpb3bvs7c','token','reader','reader','viewer','75a90c140ff0faaf726a3000951887ee43654eac63931f05a391523eb1cd2e1d','operator@vm','2026-11-29T13:05:10.574421Z','2026-11-30T13:05:10.506673Z',NULL,NULL,'password',NULL,NULL);
CREATE TABLE inventories (
	organization_id VARCHAR(34) NOT NULL, 
	management_account_id VARCHAR(12) NOT NULL, 
	has_all_features BOOLEAN NOT NULL, 
	partition VARCHAR(32) NOT NULL, 
	listed_at VARCHAR(27) NOT NULL, 
	delegated_administrator_ids TEXT, 
	named_at VARCHAR(27), 
	endpoint TEXT, 
	CONSTRAINT pk_inventories PRIMARY KEY (organization_id)
);
INSERT INTO "inventories" VALUES('o-atpb3bvs7c','888834372123',1,'aws','2026-11-29T13:05:07.210464Z','[]','2026-11-29T13:05:07.093718Z','SANDBOX 127.0.0.1:45327');
CREATE TABLE inventory_accounts (
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	ou_ids TEXT NOT NULL, 
	ou_path TEXT NOT NULL, 
	joined_at VARCHAR(27), 
	tags TEXT, 
	CONSTRAINT pk_inventory_accounts PRIMARY KEY (organization_id, account_id), 
	CONSTRAINT fk_inventory_accounts_organization_id FOREIGN KEY(organization_id) REFERENCES inventories (organization_id) ON DELETE CASCADE
);
INSERT INTO "inventory_accounts" VALUES('o-atpb3bvs7c','888834372123',0,'Management','aws+888834372123@example.com','ACTIVE','["r-gyb7"]','Root','2024-02-10T13:04:28.000000Z',NULL);
INSERT INTO "inventory_accounts" VALUES('o-atpb3bvs7c','506868360874',1,'Security','aws+506868360874@example.com','ACTIVE','["r-gyb7","ou-gyb7-ushbmjlf"]','Root/Unit 0001','2022-01-20T13:04:28.000000Z',NULL);
INSERT INTO "inventory_accounts" VALUES('o-atpb3bvs7c','124902349625',2,'Search Prod 00002','aws+124902349625@example.com','ACTIVE','["r-gyb7","ou-gyb7-vcnsogmp"]','Root/Unit 0003','2022-09-26T13:04:28.000000Z',NULL);
CREATE TABLE inventory_organizational_units (
	organization_id VARCHAR(34) NOT NULL, 
	ou_id VARCHAR(68) NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	parent_id VARCHAR(68), 
	CONSTRAINT pk_inventory_organizational_units PRIMARY KEY (organization_id, ou_id), 
	CONSTRAINT fk_inventory_organizational_units_organization_id FOREIGN KEY(organization_id) REFERENCES inventories (organization_id) ON DELETE CASCADE
);
INSERT INTO "inventory_organizational_units" VALUES('o-atpb3bvs7c','r-gyb7',0,'Root',NULL);
INSERT INTO "inventory_organizational_units" VALUES('o-atpb3bvs7c','ou-gyb7-ushbmjlf',1,'Unit 0001','r-gyb7');
INSERT INTO "inventory_organizational_units" VALUES('o-atpb3bvs7c','ou-gyb7-vcnsogmp',2,'Unit 0003','r-gyb7');
CREATE TABLE job_accounts (
	job_id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	result TEXT NOT NULL, 
	CONSTRAINT pk_job_accounts PRIMARY KEY (job_id, account_id), 
	CONSTRAINT fk_job_accounts_job_id FOREIGN KEY(job_id) REFERENCES jobs (job_id) ON DELETE CASCADE
);
INSERT INTO "job_accounts" VALUES('j-8a1f173a5b','506868360874','o-atpb3bvs7c','{"kinds":[{"kind":"access_keys","outcome":"already_absent","reason":null,"detail":null},{"kind":"signing_certificates","outcome":"already_absent","reason":null,"detail":null},{"kind":"password","outcome":"deleted","reason":null,"detail":null},{"kind":"mfa_devices","outcome":"deleted","reason":null,"detail":null}],"skip":null,"status":"not_present"}');
CREATE TABLE jobs (
	job_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	endpoint TEXT NOT NULL, 
	created_by TEXT NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), 
	owner_id VARCHAR(64) NOT NULL, 
	parameters TEXT NOT NULL, 
	progress TEXT NOT NULL, 
	document TEXT, 
	remark TEXT, 
	created_by_kind VARCHAR(32) DEFAULT 'self_asserted' NOT NULL, 
	outcome TEXT, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	next_attempt_at VARCHAR(27), 
	fencing_token INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (job_id)
);
INSERT INTO "jobs" VALUES('j-4e31d55cd4','o-atpb3bvs7c','audit','done','SANDBOX 127.0.0.1:45327','operator@vm','2026-11-29T13:04:39.679057Z','2026-11-29T13:04:40.196745Z','2026-11-29T13:04:40.196730Z','afff13969509673c','{"selection":{"named":[],"organizational_units":[],"tags":[],"account_states":[],"statuses":[],"excluded":[],"everything":true,"included_failsafes":[]},"details":true,"refresh":false,"fail_on":["none"]}','{"total":3,"done":3,"present":1,"unknown":0}',NULL,NULL,'self_asserted',NULL,0,NULL,0);
INSERT INTO "jobs" VALUES('j-8a1f173a5b','o-atpb3bvs7c','deletion','done','SANDBOX 127.0.0.1:45327','operator@vm','2026-11-29T13:04:53.738649Z','2026-11-29T13:04:54.089757Z','2026-11-29T13:04:54.089748Z','f82d1401690ffaa6','{"plan_id":"plan-af8f43475d62ca70","selection":"506868360874","not_after":"2026-11-30T13:04:53.314998+00:00","waves":{"canary":0,"size":null,"pause_seconds":0,"stop_after_failures":null}}','{"total":1,"done":1,"present":0,"unknown":0}','{
  "schema_version": 1,
  "plan_id": "plan-af8f43475d62ca70",
  "organization_id": "o-atpb3bvs7c",
  "endpoint": "SANDBOX 127.0.0.1:45327",
  "created_by": "operator@vm",
  "caller_arn": "arn:aws:iam::888834372123:user/management-admin",
  "created_at": "2026-11-29T13:04:53.719416Z",
  "not_before": "2026-11-29T13:04:53.314998Z",
  "not_after": "2026-11-30T13:04:53.314998Z",
  "selection": "506868360874",
  "only": [
    "access_keys",
    "signing_certificates",
    "password",
    "mfa_devices"
  ],
  "included_failsafes": [],
  "accounts": [
    {
      "account_id": "506868360874",
      "name": "Security",
      "ou_path": "Root/Unit 0001",
      "state": "ACTIVE",
      "observed_at": "2026-11-29T13:04:53.696456Z",
      "credentials": {
        "observed_at": "2026-11-29T13:04:53.595286Z",
        "password": {
          "created_at": "2024-09-20T13:04:28Z",
          "last_used_at": "2026-08-01T13:04:28Z"
        },
        "access_keys": [],
        "signing_certificates": [],
        "mfa_devices": [
          {
            "mfa_serial_number": "arn:aws:iam::506868360874:mfa/root-account-mfa-device",
            "kind": "virtual",
            "enabled_at": "2024-09-20T13:04:28Z"
          },
          {
            "mfa_serial_number": "GAHT16867666",
            "kind": "hardware",
            "enabled_at": "2024-09-30T13:04:28Z"
          }
        ]
      },
      "calls": [
        {
          "kind": "password",
          "operation": "DeleteLoginProfile",
          "target": null
        },
        {
          "kind": "mfa_devices",
          "operation": "DeactivateMFADevice",
          "target": "arn:aws:iam::506868360874:mfa/root-account-mfa-device"
        },
        {
          "kind": "mfa_devices",
          "operation": "DeactivateMFADevice",
          "target": "GAHT16867666"
        }
      ],
      "reason": null,
      "detail": null,
      "allowed_use": null
    }
  ],
  "hash": "36cd4ac1b6f25f092b2d7d9acc48b932ac40c1be2fc431454928f7b117c59bba"
}
',NULL,'self_asserted',NULL,0,NULL,0);
CREATE TABLE kept_answers (
	organization_id VARCHAR(34) NOT NULL, 
	key_hash VARCHAR(64) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	claimed_by VARCHAR(64) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	status INTEGER, 
	media_type TEXT, 
	body TEXT, 
	CONSTRAINT pk_kept_answers PRIMARY KEY (organization_id, key_hash)
);
CREATE TABLE key_checks (
	organization_id VARCHAR(34) NOT NULL, 
	check_value VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_key_checks PRIMARY KEY (organization_id)
);
CREATE TABLE ledger_copies (
	copy_name VARCHAR(16) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	began_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_ledger_copies PRIMARY KEY (copy_name, machine)
);
INSERT INTO "ledger_copies" VALUES('mirror','','o-atpb3bvs7c','2026-11-29T13:04:34.122011Z');
INSERT INTO "ledger_copies" VALUES('anchor','','o-atpb3bvs7c','2026-11-29T13:04:34.122011Z');
CREATE TABLE ledger_entries (
	sequence INTEGER NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	endpoint TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	actor_kind VARCHAR(32) NOT NULL, 
	caller_arn TEXT, 
	action VARCHAR(64) NOT NULL, 
	account_id VARCHAR(12), 
	parameters TEXT NOT NULL, 
	phase VARCHAR(16) NOT NULL, 
	owner_id VARCHAR(64) NOT NULL, 
	intent_sequence INTEGER, 
	result VARCHAR(16), 
	previous_hash VARCHAR(64) NOT NULL, 
	entry_hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ledger_entries PRIMARY KEY (sequence), 
	CONSTRAINT uq_ledger_entries_intent_sequence UNIQUE (intent_sequence)
);
INSERT INTO "ledger_entries" VALUES(1,'2026-11-29T13:04:34.122011Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','trusted_access:enable',NULL,'{}','intent','30086d8cf870fc33',NULL,NULL,'0000000000000000000000000000000000000000000000000000000000000000','8d6e5b7ab5ad7387e85a2c1606bb59ce2a014e78f90736f8c5ba5f495fca5e67');
INSERT INTO "ledger_entries" VALUES(2,'2026-11-29T13:04:34.140342Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','trusted_access:enable',NULL,'{"explanation":"Enable trusted access for iam.amazonaws.com: done, and the re-read shows it.","request_id":"80b9890c-bed5-4cf7-accb-a9dd5a4b5090"}','outcome','30086d8cf870fc33',1,'done','8d6e5b7ab5ad7387e85a2c1606bb59ce2a014e78f90736f8c5ba5f495fca5e67','29aefbf77e059eb918ebc4c12cdc9606ebc86716d6c2eb7aaa7a596beba9b398');
INSERT INTO "ledger_entries" VALUES(3,'2026-11-29T13:04:34.158321Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','feature:enable',NULL,'{"feature":"RootCredentialsManagement"}','intent','30086d8cf870fc33',NULL,NULL,'29aefbf77e059eb918ebc4c12cdc9606ebc86716d6c2eb7aaa7a596beba9b398','0ef3325fa7316fb06f183027d5db7c6fa343e6d5d88b99c2acb6a25d449b35de');
INSERT INTO "ledger_entries" VALUES(4,'2026-11-29T13:04:34.222490Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','feature:enable',NULL,'{"explanation":"Enable the feature RootCredentialsManagement: done, and the re-read shows it.","request_id":"920ca31a-3467-4949-a82e-d7d131257b69"}','outcome','30086d8cf870fc33',3,'done','0ef3325fa7316fb06f183027d5db7c6fa343e6d5d88b99c2acb6a25d449b35de','f5eb1b284f4b021fb99da5f09f6dc8504ef82f8ef11b0413df38624a0be02c5f');
INSERT INTO "ledger_entries" VALUES(5,'2026-11-29T13:04:34.226250Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','feature:enable',NULL,'{"feature":"RootSessions"}','intent','30086d8cf870fc33',NULL,NULL,'f5eb1b284f4b021fb99da5f09f6dc8504ef82f8ef11b0413df38624a0be02c5f','c88000937e1dbb1e936a3b75f41d5343ade9f6b0721ae9611345de39b6f9b78c');
INSERT INTO "ledger_entries" VALUES(6,'2026-11-29T13:04:34.236226Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','feature:enable',NULL,'{"explanation":"Enable the feature RootSessions: done, and the re-read shows it.","request_id":"715830f1-5fdf-4cd8-aab0-40ba94b33946"}','outcome','30086d8cf870fc33',5,'done','c88000937e1dbb1e936a3b75f41d5343ade9f6b0721ae9611345de39b6f9b78c','a89db0d6128720e16df8d49927f9208f432c1f83dbc8aa6a9d997421e8d8f6f3');
INSERT INTO "ledger_entries" VALUES(7,'2026-11-29T13:04:39.846626Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','accounts:audit',NULL,'{"account_ids":["506868360874","124902349625"],"task_policy":"IAMAuditRootUserCredentials"}','intent','afff13969509673c',NULL,NULL,'a89db0d6128720e16df8d49927f9208f432c1f83dbc8aa6a9d997421e8d8f6f3','aa3153a34daf9e82ddccfdaf6a996d567da1654d7afe02f8efda12ac1e7237fe');
INSERT INTO "ledger_entries" VALUES(8,'2026-11-29T13:04:40.149420Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','accounts:audit',NULL,'{"not_sent":[],"request_ids":{"124902349625":"e3e8a8f2-41a1-4827-a346-841fe0e5b266","506868360874":"0b8fefb5-6eb5-42f3-aa3e-9eb1f105bebd"},"sessions":{"124902349625":"ASIAR2FGCTM44SEMIOAF","506868360874":"ASIAXMA5VM2VPOIATNYB"},"unread":{}}','outcome','afff13969509673c',7,'done','aa3153a34daf9e82ddccfdaf6a996d567da1654d7afe02f8efda12ac1e7237fe','871dc5028172d21157d7a04e2119c75a8d9b1b642a1bfb669351126b631af3fb');
INSERT INTO "ledger_entries" VALUES(9,'2026-11-29T13:04:53.528570Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','accounts:audit',NULL,'{"account_ids":["506868360874"],"task_policy":"IAMAuditRootUserCredentials"}','intent','f82d1401690ffaa6',NULL,NULL,'871dc5028172d21157d7a04e2119c75a8d9b1b642a1bfb669351126b631af3fb','6c5922e99ff870deac62d1fece83b06062e1639ef4a9e5d5881b0a9d4c333a59');
INSERT INTO "ledger_entries" VALUES(10,'2026-11-29T13:04:53.711314Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','accounts:audit',NULL,'{"not_sent":[],"request_ids":{"506868360874":"83208b9d-5093-4a33-a699-1b93183ca469"},"sessions":{"506868360874":"ASIAXMA5VM2VCMIWE7SS"},"unread":{}}','outcome','f82d1401690ffaa6',9,'done','6c5922e99ff870deac62d1fece83b06062e1639ef4a9e5d5881b0a9d4c333a59','112ef156a3116b442b5194efc2d8084960af673a57c48d419874771fe93e0509');
INSERT INTO "ledger_entries" VALUES(11,'2026-11-29T13:04:53.753505Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','506868360874','{"job_id":"j-8a1f173a5b","plan_id":"plan-af8f43475d62ca70","task_policy":"IAMDeleteRootUserCredentials"}','intent','f82d1401690ffaa6',NULL,NULL,'112ef156a3116b442b5194efc2d8084960af673a57c48d419874771fe93e0509','3f2071f110fe34503a7e949cc1246ff3a9dd3f0e4e19d76c70cca18b923188d6');
INSERT INTO "ledger_entries" VALUES(12,'2026-11-29T13:04:53.802908Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','506868360874','{"access_key_id":"ASIAXMA5VM2VNIJYTXST","expires_at":"2026-11-29T13:19:53+00:00","request_id":"95abcc53-6b67-44c8-a0d0-7379369c1788"}','outcome','f82d1401690ffaa6',11,'done','3f2071f110fe34503a7e949cc1246ff3a9dd3f0e4e19d76c70cca18b923188d6','7d233032a4dbc917cd5965e5dc54e9d4a3097b6883e3d3818de884b0b9abdad1');
INSERT INTO "ledger_entries" VALUES(13,'2026-11-29T13:04:53.846949Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','login_profile:delete','506868360874','{"job_id":"j-8a1f173a5b","plan_id":"plan-af8f43475d62ca70","session_access_key_id":"ASIAXMA5VM2VNIJYTXST"}','intent','f82d1401690ffaa6',NULL,NULL,'7d233032a4dbc917cd5965e5dc54e9d4a3097b6883e3d3818de884b0b9abdad1','8d8d9e5564831721071c8999ef093c8c050267089c0289b6bc7c61b7788d3668');
INSERT INTO "ledger_entries" VALUES(14,'2026-11-29T13:04:53.900070Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','login_profile:delete','506868360874','{"answer":"success","request_id":"b0f1378f-65de-46d2-a27f-304ae1814625","reread":"gone"}','outcome','f82d1401690ffaa6',13,'done','8d8d9e5564831721071c8999ef093c8c050267089c0289b6bc7c61b7788d3668','df8877525fbc73e906648868d42324a8540155901ae52000b4bcc30a4753a598');
INSERT INTO "ledger_entries" VALUES(15,'2026-11-29T13:04:53.938498Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','mfa_device:deactivate','506868360874','{"job_id":"j-8a1f173a5b","mfa_serial_number":"arn:aws:iam::506868360874:mfa/root-account-mfa-device","plan_id":"plan-af8f43475d62ca70","session_access_key_id":"ASIAXMA5VM2VNIJYTXST"}','intent','f82d1401690ffaa6',NULL,NULL,'df8877525fbc73e906648868d42324a8540155901ae52000b4bcc30a4753a598','2ceaeaea5101a40a3f8427f80c7083398e310d3f47840c9d9a2ddf6e2fb6ada5');
INSERT INTO "ledger_entries" VALUES(16,'2026-11-29T13:04:53.950942Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','mfa_device:deactivate','506868360874','{"job_id":"j-8a1f173a5b","mfa_serial_number":"GAHT16867666","plan_id":"plan-af8f43475d62ca70","session_access_key_id":"ASIAXMA5VM2VNIJYTXST"}','intent','f82d1401690ffaa6',NULL,NULL,'2ceaeaea5101a40a3f8427f80c7083398e310d3f47840c9d9a2ddf6e2fb6ada5','ca8c82525c7fd6ab10bb7f9a378a77337f7020778629472a675ab94dc3aadcdf');
INSERT INTO "ledger_entries" VALUES(17,'2026-11-29T13:04:53.972455Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','506868360874','{"job_id":"j-8a1f173a5b","plan_id":"plan-af8f43475d62ca70","task_policy":"IAMAuditRootUserCredentials"}','intent','f82d1401690ffaa6',NULL,NULL,'ca8c82525c7fd6ab10bb7f9a378a77337f7020778629472a675ab94dc3aadcdf','7a5eda4099832619529725bd235d1ff364f1490b9ac89732ce3747ff761667b7');
INSERT INTO "ledger_entries" VALUES(18,'2026-11-29T13:04:54.006713Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','506868360874','{"access_key_id":"ASIAXMA5VM2VHL54IWMT","expires_at":"2026-11-29T13:19:53+00:00","request_id":"7b2c8bd0-ae7e-465e-a44c-aa8b66dd9d8a"}','outcome','f82d1401690ffaa6',17,'done','7a5eda4099832619529725bd235d1ff364f1490b9ac89732ce3747ff761667b7','4748d8a1780df90e3c41e60e0f6a03e63b4ba13b381ea008b78a36e6a766c95c');
INSERT INTO "ledger_entries" VALUES(19,'2026-11-29T13:04:54.030646Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','mfa_device:deactivate','506868360874','{"answer":"success","request_id":"08f9777c-85f1-4fd4-a3d5-fe9fff069392","reread":"gone"}','outcome','f82d1401690ffaa6',15,'done','4748d8a1780df90e3c41e60e0f6a03e63b4ba13b381ea008b78a36e6a766c95c','71f74f03304eebd3c200e93a504d35ddfedec15ae673c30925e201cde65cd2ee');
INSERT INTO "ledger_entries" VALUES(20,'2026-11-29T13:04:54.042996Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','mfa_device:deactivate','506868360874','{"answer":"success","request_id":"3ff0f589-19fa-4e66-a826-c00b0419839e","reread":"gone"}','outcome','f82d1401690ffaa6',16,'done','71f74f03304eebd3c200e93a504d35ddfedec15ae673c30925e201cde65cd2ee','8cfd325b4aaac01a12f0f911ab1418ab329f6e4f73c7675e5868028f51ac423f');
INSERT INTO "ledger_entries" VALUES(21,'2026-11-29T13:05:00.402239Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','124902349625','{"task_policy":"IAMAuditRootUserCredentials"}','intent','10691b100fcca2a2',NULL,NULL,'8cfd325b4aaac01a12f0f911ab1418ab329f6e4f73c7675e5868028f51ac423f','0b8b16e07fbfe92729620946a9f8b05581d165be8c07e71428695a45d4725f16');
INSERT INTO "ledger_entries" VALUES(22,'2026-11-29T13:05:00.474899Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','124902349625','{"access_key_id":"ASIAR2FGCTM4RRWELVMC","expires_at":"2026-11-29T13:20:00+00:00","request_id":"0b7897e0-2c9e-41e4-aa3b-c95f4d87e91e"}','outcome','10691b100fcca2a2',21,'done','0b8b16e07fbfe92729620946a9f8b05581d165be8c07e71428695a45d4725f16','d0758135093113c86c8b3e80f59b8d054ff70701ce936f266e04e7a9a31145b9');
INSERT INTO "ledger_entries" VALUES(23,'2026-11-29T13:05:00.569279Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','window:request','124902349625','{"approvals_needed":0,"approved_by":[],"duration_seconds":3600,"is_approved":false,"is_drill":false,"is_emergency":false,"reason":"drill","ticket":null,"window_id":"w-5699c03d99"}','outcome','10691b100fcca2a2',NULL,'done','d0758135093113c86c8b3e80f59b8d054ff70701ce936f266e04e7a9a31145b9','1e17f5536821d040e6249a891c0c2a0deb6ebe7d05f04855e362063f470c16b1');
INSERT INTO "ledger_entries" VALUES(24,'2026-11-29T13:05:00.606248Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','124902349625','{"task_policy":"IAMCreateRootUserPassword","window_id":"w-5699c03d99"}','intent','10691b100fcca2a2',NULL,NULL,'1e17f5536821d040e6249a891c0c2a0deb6ebe7d05f04855e362063f470c16b1','5abb9b4ef5deb57b5dd233c1dcd3470cb903b08f062f559e34766eec85a45d78');
INSERT INTO "ledger_entries" VALUES(25,'2026-11-29T13:05:00.622940Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','root_session:open','124902349625','{"access_key_id":"ASIAR2FGCTM43XDLJVJM","expires_at":"2026-11-29T13:20:00+00:00","request_id":"c70873d6-60a2-4290-a104-bf936ab6efe8"}','outcome','10691b100fcca2a2',24,'done','5abb9b4ef5deb57b5dd233c1dcd3470cb903b08f062f559e34766eec85a45d78','538c07b67cfc879106a0b937f213296b3290cfaed5e9de9c3d58e7cf22624f78');
INSERT INTO "ledger_entries" VALUES(26,'2026-11-29T13:05:00.640796Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','login_profile:create','124902349625','{"window_id":"w-5699c03d99"}','intent','10691b100fcca2a2',NULL,NULL,'538c07b67cfc879106a0b937f213296b3290cfaed5e9de9c3d58e7cf22624f78','32867569a150620eabd8820577fb5992d7f4d5db558cd647914a9c1f7ffdb271');
INSERT INTO "ledger_entries" VALUES(27,'2026-11-29T13:05:00.679691Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','login_profile:create','124902349625','{"login_profile_created_at":"2026-11-29T13:05:00+00:00","request_id":"a3683ede-958a-47cc-a3f1-1eb6dfdc208f","was_reread":true}','outcome','10691b100fcca2a2',26,'done','32867569a150620eabd8820577fb5992d7f4d5db558cd647914a9c1f7ffdb271','d170ab8eea173b3ea0da1b6c4c0a8c0996ad3b72e5f0143390b17dba8ed1412e');
INSERT INTO "ledger_entries" VALUES(28,'2026-11-29T13:05:00.691120Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','window:open','124902349625','{"expires_at":"2026-11-29T14:05:00.593852+00:00","opened_at":"2026-11-29T13:05:00+00:00","window_id":"w-5699c03d99"}','outcome','10691b100fcca2a2',NULL,'done','d170ab8eea173b3ea0da1b6c4c0a8c0996ad3b72e5f0143390b17dba8ed1412e','1ffd9070964ac53200063710c99e3e7b45c595cb294924e216e4c995d923a265');
INSERT INTO "ledger_entries" VALUES(29,'2026-11-29T13:05:07.214451Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted','arn:aws:iam::888834372123:user/management-admin','exception:add','506868360874','{"owner":"Ana","reason":"drill","until":"2026-12-29T13:05:05.212880+00:00"}','outcome','f572e2852b7f057d',NULL,'done','1ffd9070964ac53200063710c99e3e7b45c595cb294924e216e4c995d923a265','dde9b133cc91b7d42f4656b30864201cdcea7f4fb6eaff99a6d1d294972732a7');
INSERT INTO "ledger_entries" VALUES(30,'2026-11-29T13:05:10.574511Z','o-atpb3bvs7c','SANDBOX 127.0.0.1:45327','operator@vm','self_asserted',NULL,'identity:add',NULL,'{"expires_at":"2026-11-30T13:05:10.506673+00:00","identity_id":"t-b206c8d034","kind":"token","name":"reader","role":"viewer"}','outcome','466bf7142a826ef3',NULL,'done','dde9b133cc91b7d42f4656b30864201cdcea7f4fb6eaff99a6d1d294972732a7','0ad34b6cdb0d73e7091dac1032060276eb0ace2c7c63ca7a3c88407678f338ac');
CREATE TABLE ledger_head (
	head_id INTEGER NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	sequence INTEGER NOT NULL, 
	entry_hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ledger_head PRIMARY KEY (head_id), 
	CONSTRAINT ck_ledger_head_single CHECK (head_id = 1)
);
INSERT INTO "ledger_head" VALUES(1,'o-atpb3bvs7c',30,'0ad34b6cdb0d73e7091dac1032060276eb0ace2c7c63ca7a3c88407678f338ac');
CREATE TABLE merged_spills (
	spill_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	merged_at VARCHAR(27) NOT NULL, 
	entries INTEGER NOT NULL, 
	CONSTRAINT pk_merged_spills PRIMARY KEY (spill_id)
);
CREATE TABLE notifications (
	notification_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	deduplication_key TEXT, 
	content TEXT NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_notifications PRIMARY KEY (notification_id), 
	CONSTRAINT uq_notifications_organization_id UNIQUE (organization_id, deduplication_key)
);
CREATE TABLE open_intents (
	sequence INTEGER NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	owner_id VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_open_intents PRIMARY KEY (sequence)
);
CREATE TABLE owners (
	owner_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	host TEXT NOT NULL, 
	boot_id TEXT NOT NULL, 
	process_id INTEGER NOT NULL, 
	process_started TEXT NOT NULL, 
	user_name TEXT NOT NULL, 
	registered_at VARCHAR(27) NOT NULL, 
	lease_until VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_owners PRIMARY KEY (owner_id)
);
INSERT INTO "owners" VALUES('30086d8cf870fc33','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',15287,'6713239','operator','2026-11-29T13:04:33.980221Z','2026-11-29T13:04:34.251061Z');
INSERT INTO "owners" VALUES('afff13969509673c','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',15451,'6713747','operator','2026-11-29T13:04:39.655516Z','2026-11-29T13:04:40.199494Z');
INSERT INTO "owners" VALUES('f82d1401690ffaa6','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',15839,'6715123','operator','2026-11-29T13:04:52.593725Z','2026-11-29T13:04:54.098471Z');
INSERT INTO "owners" VALUES('10691b100fcca2a2','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',16083,'6715817','operator','2026-11-29T13:05:00.131597Z','2026-11-29T13:05:00.729224Z');
INSERT INTO "owners" VALUES('f572e2852b7f057d','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',16269,'6716440','operator','2026-11-29T13:05:06.951739Z','2026-11-29T13:05:07.225279Z');
INSERT INTO "owners" VALUES('466bf7142a826ef3','','vm','0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 pid:[4026531836]',16420,'6717060','operator','2026-11-29T13:05:10.487397Z','2026-11-29T13:05:10.614986Z');
CREATE TABLE quota_states (
	organization_id VARCHAR(34) NOT NULL, 
	quota VARCHAR(255) NOT NULL, 
	tokens FLOAT NOT NULL, 
	debt_seconds FLOAT NOT NULL, 
	counted_at FLOAT NOT NULL, 
	per_second FLOAT NOT NULL, 
	throttled_at FLOAT NOT NULL, 
	accepted_per_second FLOAT NOT NULL, 
	accepted_at FLOAT NOT NULL, 
	CONSTRAINT pk_quota_states PRIMARY KEY (organization_id, quota)
);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:DescribeOrganization',0.0,2.360928131126397711e-01,1795957474.083,80.0,1795957473.583,1.0,1795957474.083);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:EnableAWSServiceAccess',0.0,2.9822250077386075473e-01,1.79595747413009500506e+09,80.0,1.79595747363009500502e+09,0.0,1.79595747413009500506e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 sts:*',0.0,1.92183333333333344894e-01,1.79595750031210899359e+09,48000.0,1.79595747356501889233e+09,1.00115381456935770287e+00,1.79595750031210899359e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListPolicies',0.0,2.93252125760963044953e-01,1.7959575003526918888e+09,400.0,1.79595749985269188884e+09,0.0,1.7959575003526918888e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListTargetsForPolicy',0.0,2.93252125760963044953e-01,1.79595750036555409437e+09,400.0,1.79595749986555409428e+09,0.0,1.79595750036555409437e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:DescribePolicy',0.0,3.04435469539982850317e-01,1.79595750038371396064e+09,160.0,1.79595749988371396069e+09,0.0,1.79595750038371396064e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListAWSServiceAccessForOrganization',0.0,0.23,1.79595750703814291959e+09,80.0,1.79595747358873200419e+09,0.0,1.79595750703814291959e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListDelegatedAdministrators',0.0,0.236,1.79595750707179093366e+09,400.0,1.79595747359821891787e+09,0.0,1.79595750707179093366e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListAccounts',0.0,0.23625,1.79595750710894799234e+09,640.0,1795957479.25475,0.0,1.79595750710894799234e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListRoots',0.0,0.24,1.79595750715841698643e+09,80.0,1.79595747939029598237e+09,0.0,1.79595750715841698643e+09);
INSERT INTO "quota_states" VALUES('o-atpb3bvs7c','888834372123 us-east-1 SANDBOX 127.0.0.1:45327 organizations:ListOrganizationalUnitsForParent',0.0,0.236,1.79595750718514800075e+09,400.0,1.79595747950502896304e+09,0.0,1.79595750718514800075e+09);
CREATE TABLE recovery_windows (
	window_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	unfinished_account_id VARCHAR(12), 
	state VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	ticket TEXT, 
	requested_by TEXT NOT NULL, 
	requested_at VARCHAR(27) NOT NULL, 
	duration_seconds INTEGER NOT NULL, 
	approved_by TEXT NOT NULL, 
	opened_at VARCHAR(27), 
	expires_at VARCHAR(27), 
	closed_at VARCHAR(27), 
	failure TEXT, 
	requested_by_kind VARCHAR(32) DEFAULT 'self_asserted' NOT NULL, 
	approvals_needed INTEGER DEFAULT '0' NOT NULL, 
	approvals TEXT DEFAULT '[]' NOT NULL, 
	lapses_at VARCHAR(27), 
	activated_by TEXT, 
	closed_by TEXT, 
	is_emergency BOOLEAN DEFAULT 0 NOT NULL, 
	review_due_at VARCHAR(27), 
	reviewed_by TEXT, 
	is_drill BOOLEAN DEFAULT 0 NOT NULL, 
	watched_by TEXT, 
	failed_closings INTEGER DEFAULT '0' NOT NULL, 
	next_closing_at VARCHAR(27), 
	rereads_done INTEGER DEFAULT '0' NOT NULL, 
	next_reread_at VARCHAR(27), 
	CONSTRAINT pk_recovery_windows PRIMARY KEY (window_id), 
	CONSTRAINT uq_recovery_windows_organization_id UNIQUE (organization_id, unfinished_account_id)
);
INSERT INTO "recovery_windows" VALUES('w-5699c03d99','o-atpb3bvs7c','124902349625','124902349625','OPEN','drill',NULL,'operator@vm','2026-11-29T13:05:00.569208Z',3600,'[]','2026-11-29T13:05:00.000000Z','2026-11-29T14:05:00.593852Z',NULL,NULL,'self_asserted',0,'[]',NULL,NULL,NULL,0,NULL,NULL,0,NULL,0,NULL,0,NULL);
CREATE TABLE schedule_runs (
	organization_id VARCHAR(34) NOT NULL, 
	schedule_id VARCHAR(64) NOT NULL, 
	last_run_at VARCHAR(27) NOT NULL, 
	claimed_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_schedule_runs PRIMARY KEY (organization_id, schedule_id)
);
CREATE TABLE setup_readings (
	organization_id VARCHAR(34) NOT NULL, 
	read_on VARCHAR(10) NOT NULL, 
	read_at VARCHAR(27) NOT NULL, 
	state TEXT NOT NULL, 
	CONSTRAINT pk_setup_readings PRIMARY KEY (organization_id, read_on)
);
INSERT INTO "setup_readings" VALUES('o-atpb3bvs7c','2026-11-29','2026-11-29T13:04:39.739766Z','{"setup":{"trusted_access":true,"features":["RootCredentialsManagement","RootSessions"],"delegated_administrators":[],"unknown":[]},"guardrails":null,"guardrails_unknown":"Guardrails are read after a set-up was accepted.","read_at":"2026-11-29T13:04:39.739766Z","endpoint":"SANDBOX 127.0.0.1:45327","caller_arn":"arn:aws:iam::888834372123:user/management-admin"}');
CREATE TABLE sign_in_starts (
	organization_id VARCHAR(34) NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	return_to TEXT NOT NULL, 
	session_id VARCHAR(64), 
	CONSTRAINT pk_sign_in_starts PRIMARY KEY (organization_id, secret_hash)
);
CREATE TABLE sign_ins (
	token_hash VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	identity_id VARCHAR(64) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	last_used_at VARCHAR(27) NOT NULL, 
	factor_at VARCHAR(27), 
	address TEXT, 
	user_agent TEXT, 
	CONSTRAINT pk_sign_ins PRIMARY KEY (token_hash), 
	CONSTRAINT fk_sign_ins_identity_id FOREIGN KEY(identity_id) REFERENCES identities (identity_id) ON DELETE CASCADE, 
	CONSTRAINT uq_sign_ins_session_id UNIQUE (session_id)
);
CREATE TABLE window_events (
	organization_id VARCHAR(34) NOT NULL, 
	event_id VARCHAR(64) NOT NULL, 
	window_id VARCHAR(64), 
	account_id VARCHAR(12) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	name TEXT NOT NULL, 
	verdict VARCHAR(32) NOT NULL, 
	explanation TEXT NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	has_mfa BOOLEAN, 
	CONSTRAINT pk_window_events PRIMARY KEY (organization_id, event_id)
);
CREATE INDEX ix_ledger_entries_account_id ON ledger_entries (account_id, sequence);
CREATE INDEX ix_recovery_windows_account_id ON recovery_windows (organization_id, account_id);
CREATE INDEX ix_recovery_windows_next_reread_at ON recovery_windows (organization_id, next_reread_at);
CREATE INDEX ix_audits_organization_id ON audits (organization_id, ended_at);
CREATE INDEX ix_audit_statuses_audit_id ON audit_statuses (organization_id, audit_id);
CREATE INDEX ix_jobs_organization_id ON jobs (organization_id, created_at);
CREATE INDEX ix_jobs_state ON jobs (organization_id, state);
CREATE INDEX ix_window_events_account_id ON window_events (organization_id, account_id, at);
CREATE INDEX ix_window_events_window_id ON window_events (organization_id, window_id);
CREATE INDEX ix_kept_answers_ends_at ON kept_answers (organization_id, ends_at);
CREATE INDEX ix_identities_proof_hash ON identities (proof_hash);
CREATE INDEX ix_failed_attempts_ends_at ON failed_attempts (organization_id, ends_at);
CREATE INDEX ix_failed_attempts_key_hash ON failed_attempts (organization_id, key_hash, ends_at);
CREATE INDEX ix_sign_in_starts_ends_at ON sign_in_starts (organization_id, ends_at);
CREATE INDEX ix_deliveries_next_attempt_at ON deliveries (organization_id, state, next_attempt_at);
CREATE INDEX ix_sign_ins_identity_id ON sign_ins (identity_id);
CREATE INDEX ix_factors_identity_id ON factors (identity_id);
COMMIT;
