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
INSERT INTO "account_locks" VALUES('o-exampleorgid','222233334444',NULL,1,'deleting','2026-12-01T14:18:24.154039Z');
INSERT INTO "account_locks" VALUES('o-exampleorgid','333344445555',NULL,5,'unlock locked-queue','2026-12-01T14:18:24.267796Z');
CREATE TABLE account_revisions (
	organization_id VARCHAR(34) NOT NULL, 
	inventory BIGINT NOT NULL, 
	statuses BIGINT NOT NULL, 
	windows BIGINT NOT NULL, 
	CONSTRAINT pk_account_revisions PRIMARY KEY (organization_id)
);
INSERT INTO "account_revisions" VALUES('o-exampleorgid',1,1,5);
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
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
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
CREATE TABLE audits (
	audit_id VARCHAR(64) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27) NOT NULL, 
	summary TEXT NOT NULL, 
	endpoint TEXT, 
	is_complete BOOLEAN DEFAULT 0 NOT NULL, 
	requested_by TEXT, left_known INTEGER, left_unknown INTEGER, 
	CONSTRAINT pk_audits PRIMARY KEY (audit_id)
);
CREATE TABLE changed_settings (
	organization_id VARCHAR(34) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	changed_by TEXT NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_changed_settings PRIMARY KEY (organization_id, name)
);
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
CREATE TABLE inventory_organizational_units (
	organization_id VARCHAR(34) NOT NULL, 
	ou_id VARCHAR(68) NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	parent_id VARCHAR(68), 
	CONSTRAINT pk_inventory_organizational_units PRIMARY KEY (organization_id, ou_id), 
	CONSTRAINT fk_inventory_organizational_units_organization_id FOREIGN KEY(organization_id) REFERENCES inventories (organization_id) ON DELETE CASCADE
);
CREATE TABLE job_accounts (
	job_id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	result TEXT NOT NULL, 
	CONSTRAINT pk_job_accounts PRIMARY KEY (job_id, account_id), 
	CONSTRAINT fk_job_accounts_job_id FOREIGN KEY(job_id) REFERENCES jobs (job_id) ON DELETE CASCADE
);
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
INSERT INTO "ledger_copies" VALUES('mirror','','o-exampleorgid','2026-12-01T14:18:24.074945Z');
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
INSERT INTO "ledger_entries" VALUES(1,'2026-12-01T14:18:24.074945Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"feature":"RootCredentialsManagement"}','intent','b29f187042bf5b14',NULL,NULL,'0000000000000000000000000000000000000000000000000000000000000000','ebc064d9c1942698a23e2b903e8405fa204e1a9f833221e55b5d23f40dbdaa73');
INSERT INTO "ledger_entries" VALUES(2,'2026-12-01T14:18:24.081978Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"explanation":"Enable the feature RootCredentialsManagement: done, and the re-read shows it."}','outcome','b29f187042bf5b14',1,'done','ebc064d9c1942698a23e2b903e8405fa204e1a9f833221e55b5d23f40dbdaa73','a3b2067b711cf53c0c0328057da695ddbb622df5785bf5023c20a52cccc3d7df');
INSERT INTO "ledger_entries" VALUES(3,'2026-12-01T14:18:24.098069Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"feature":"RootSessions"}','intent','b29f187042bf5b14',NULL,NULL,'a3b2067b711cf53c0c0328057da695ddbb622df5785bf5023c20a52cccc3d7df','226f8ea0bcb23415d075cfbb5f017659c71bde6b79434113293e083d2c519115');
INSERT INTO "ledger_entries" VALUES(4,'2026-12-01T14:18:24.103127Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"explanation":"Enable the feature RootSessions: done, and the re-read shows it."}','outcome','b29f187042bf5b14',3,'done','226f8ea0bcb23415d075cfbb5f017659c71bde6b79434113293e083d2c519115','9a1e7b01f073a76133c14fad603e5b66300d9e9fbec03f22dccf5087da43a06e');
INSERT INTO "ledger_entries" VALUES(5,'2026-12-01T14:18:24.106100Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:register','444455556666','{}','intent','b29f187042bf5b14',NULL,NULL,'9a1e7b01f073a76133c14fad603e5b66300d9e9fbec03f22dccf5087da43a06e','ccf7215fe939662398bbb0626afacd3b5158cef7a7e910da2794cfff6229b404');
INSERT INTO "ledger_entries" VALUES(6,'2026-12-01T14:18:24.108203Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:register','444455556666','{"explanation":"Register 444455556666 as delegated administrator: done, and the re-read shows it."}','outcome','b29f187042bf5b14',5,'done','ccf7215fe939662398bbb0626afacd3b5158cef7a7e910da2794cfff6229b404','2cf3cd0cb072b15fa5b4084a3b953a9c4256dc338cb825cee7b996383abdf092');
INSERT INTO "ledger_entries" VALUES(7,'2026-12-01T14:18:24.116986Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:disable',NULL,'{"feature":"RootCredentialsManagement"}','intent','b29f187042bf5b14',NULL,NULL,'2cf3cd0cb072b15fa5b4084a3b953a9c4256dc338cb825cee7b996383abdf092','a0887c90956d7010b5087cfb3ebd7ee63403fc87470780817b0e2f2996a94b1f');
INSERT INTO "ledger_entries" VALUES(8,'2026-12-01T14:18:24.118578Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:disable',NULL,'{"explanation":"Disable the feature RootCredentialsManagement: done, and the re-read shows it."}','outcome','b29f187042bf5b14',7,'done','a0887c90956d7010b5087cfb3ebd7ee63403fc87470780817b0e2f2996a94b1f','d1320e7345807beff7936df3682e091ad0bb8dfcc4428e1c9514ef97e3e713bc');
INSERT INTO "ledger_entries" VALUES(9,'2026-12-01T14:18:24.120039Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:disable',NULL,'{"feature":"RootSessions"}','intent','b29f187042bf5b14',NULL,NULL,'d1320e7345807beff7936df3682e091ad0bb8dfcc4428e1c9514ef97e3e713bc','d2b7121f6b62ebffc8afec311c7c8b1c5f9fdcbf25edbe8335180c781d6d157f');
INSERT INTO "ledger_entries" VALUES(10,'2026-12-01T14:18:24.121390Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:disable',NULL,'{"explanation":"Disable the feature RootSessions: done, and the re-read shows it."}','outcome','b29f187042bf5b14',9,'done','d2b7121f6b62ebffc8afec311c7c8b1c5f9fdcbf25edbe8335180c781d6d157f','eebb5e2da26b09cd44dce33e1651b4c9917c8a7c002b8056c0de35ce8a453555');
INSERT INTO "ledger_entries" VALUES(11,'2026-12-01T14:18:24.122864Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:deregister','444455556666','{}','intent','b29f187042bf5b14',NULL,NULL,'eebb5e2da26b09cd44dce33e1651b4c9917c8a7c002b8056c0de35ce8a453555','fb253ba9734941a2e139c13ea17ffafde247ac952ba8d43325ef6b269cf24b7e');
INSERT INTO "ledger_entries" VALUES(12,'2026-12-01T14:18:24.124224Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:deregister','444455556666','{"explanation":"Deregister the delegated administrator 444455556666: done, and the re-read shows it."}','outcome','b29f187042bf5b14',11,'done','fb253ba9734941a2e139c13ea17ffafde247ac952ba8d43325ef6b269cf24b7e','1814521213ad62e88d1713cb99c50cc85e1bc464522e673b18e8fb9c819d3208');
INSERT INTO "ledger_entries" VALUES(13,'2026-12-01T14:18:24.130745Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:disable',NULL,'{}','intent','b29f187042bf5b14',NULL,NULL,'1814521213ad62e88d1713cb99c50cc85e1bc464522e673b18e8fb9c819d3208','5234270147aa68ed7ce0ea2545b9b94cc5375a0bc0d978d8982123c3f5dd91ee');
INSERT INTO "ledger_entries" VALUES(14,'2026-12-01T14:18:24.134387Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:disable',NULL,'{"explanation":"Disable trusted access for iam.amazonaws.com: done, and the re-read shows it."}','outcome','b29f187042bf5b14',13,'done','5234270147aa68ed7ce0ea2545b9b94cc5375a0bc0d978d8982123c3f5dd91ee','dc3f5475c9ace879b5d15f161676cfabf25898f651bd689a71059f5f858d68e1');
INSERT INTO "ledger_entries" VALUES(15,'2026-12-01T14:18:24.143048Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:enable',NULL,'{}','intent','b29f187042bf5b14',NULL,NULL,'dc3f5475c9ace879b5d15f161676cfabf25898f651bd689a71059f5f858d68e1','c30fcd51dd2d82b45339e984b316c17c68b090b0d433055fdf507f7974e2723e');
INSERT INTO "ledger_entries" VALUES(16,'2026-12-01T14:18:24.144528Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:enable',NULL,'{"explanation":"Enable trusted access for iam.amazonaws.com: done, and the re-read shows it."}','outcome','b29f187042bf5b14',15,'done','c30fcd51dd2d82b45339e984b316c17c68b090b0d433055fdf507f7974e2723e','ab7ca12816cd5904ed76efb8ff4d9e27496da390205341478316ed117639b7ea');
INSERT INTO "ledger_entries" VALUES(17,'2026-12-01T14:18:24.145977Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"feature":"RootCredentialsManagement"}','intent','b29f187042bf5b14',NULL,NULL,'ab7ca12816cd5904ed76efb8ff4d9e27496da390205341478316ed117639b7ea','b21f5e7dca2e4e3c05a0c63c17980ede19162bab80e364fb26d37cf1703e5fee');
INSERT INTO "ledger_entries" VALUES(18,'2026-12-01T14:18:24.147676Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"explanation":"Enable the feature RootCredentialsManagement: done, and the re-read shows it."}','outcome','b29f187042bf5b14',17,'done','b21f5e7dca2e4e3c05a0c63c17980ede19162bab80e364fb26d37cf1703e5fee','0287324e1ab553a0c3bd91b378efc790875948cc49014ec4da5682250ec33bab');
INSERT INTO "ledger_entries" VALUES(19,'2026-12-01T14:18:24.149181Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"feature":"RootSessions"}','intent','b29f187042bf5b14',NULL,NULL,'0287324e1ab553a0c3bd91b378efc790875948cc49014ec4da5682250ec33bab','d5644ddd735e8887c9deee2570bb0f9a66da6ac18883087b32a80d29a3e39ef6');
INSERT INTO "ledger_entries" VALUES(20,'2026-12-01T14:18:24.150730Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"explanation":"Enable the feature RootSessions: done, and the re-read shows it."}','outcome','b29f187042bf5b14',19,'done','d5644ddd735e8887c9deee2570bb0f9a66da6ac18883087b32a80d29a3e39ef6','67133bf6fb7e2e7c5db0e86bda692ddd0f5fc6eb471451511fc7f1704b168a6e');
INSERT INTO "ledger_entries" VALUES(21,'2026-12-01T14:18:24.158340Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','222233334444','{"plan_id":"p-1","task_policy":"IAMDeleteRootUserCredentials"}','intent','b29f187042bf5b14',NULL,NULL,'67133bf6fb7e2e7c5db0e86bda692ddd0f5fc6eb471451511fc7f1704b168a6e','2dce3a83b7ec3158050e7f74b37def1b141cb7012e9f3c396e9e7f73e49e7266');
INSERT INTO "ledger_entries" VALUES(22,'2026-12-01T14:18:24.160199Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','222233334444','{"access_key_id":"ASIAEXAMPLE000000001","expires_at":"2026-12-01T14:33:24.160154+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',21,'done','2dce3a83b7ec3158050e7f74b37def1b141cb7012e9f3c396e9e7f73e49e7266','859bcd75ad869701f17b367833fb25e125f9820410532ccf54073c687e97e769');
INSERT INTO "ledger_entries" VALUES(23,'2026-12-01T14:18:24.161972Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','access_key:delete','222233334444','{"access_key_id":"AKIAIOSFODNN7EXAMPLE","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'859bcd75ad869701f17b367833fb25e125f9820410532ccf54073c687e97e769','0628c8043438e7a77532f3dba0afa0a739242cfb9d68e3103d6e1aab23088fd3');
INSERT INTO "ledger_entries" VALUES(24,'2026-12-01T14:18:24.163628Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','access_key:delete','222233334444','{"access_key_id":"AKIAI44QH8DHBEXAMPLE","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'0628c8043438e7a77532f3dba0afa0a739242cfb9d68e3103d6e1aab23088fd3','11426446581a11c1870d67b6b6641ce8631dcaaebf932b93885309df91aa577f');
INSERT INTO "ledger_entries" VALUES(25,'2026-12-01T14:18:24.165123Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','signing_certificate:delete','222233334444','{"plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001","signing_certificate_id":"TA7SMP42TDN5Z26OBPJE7EXAMPLE"}','intent','b29f187042bf5b14',NULL,NULL,'11426446581a11c1870d67b6b6641ce8631dcaaebf932b93885309df91aa577f','65d41ec9b1599f99f5d8d6efd8030f525cbfb63747cb635d93a74310bf6c2e97');
INSERT INTO "ledger_entries" VALUES(26,'2026-12-01T14:18:24.166774Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:delete','222233334444','{"plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'65d41ec9b1599f99f5d8d6efd8030f525cbfb63747cb635d93a74310bf6c2e97','fb1eee02aea7888adc270ea2e0fc1ef1ae76c0026c8ca25abd801c06273cc964');
INSERT INTO "ledger_entries" VALUES(27,'2026-12-01T14:18:24.168455Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','access_key:delete','222233334444','{"answer":"success","request_id":"request-DeleteAccessKey","reread":"gone"}','outcome','b29f187042bf5b14',23,'done','fb1eee02aea7888adc270ea2e0fc1ef1ae76c0026c8ca25abd801c06273cc964','8736bcb7133683460239fc07be24682b8d0f0b90b40fee8da77c5ccdd2efa471');
INSERT INTO "ledger_entries" VALUES(28,'2026-12-01T14:18:24.169928Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','access_key:delete','222233334444','{"answer":"success","request_id":"request-DeleteAccessKey","reread":"gone"}','outcome','b29f187042bf5b14',24,'done','8736bcb7133683460239fc07be24682b8d0f0b90b40fee8da77c5ccdd2efa471','e0a49a74b4011681b9dc23749fd9f6963db99d8d0cce139352fd0b70f4ffaea3');
INSERT INTO "ledger_entries" VALUES(29,'2026-12-01T14:18:24.171561Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:delete','222233334444','{"answer":"success","request_id":"request-DeleteLoginProfile","reread":"gone"}','outcome','b29f187042bf5b14',26,'done','e0a49a74b4011681b9dc23749fd9f6963db99d8d0cce139352fd0b70f4ffaea3','ac0ff3e01354483a174d908df9703bd0e821fb8ac18fcaf8b291f6a4e39d77b3');
INSERT INTO "ledger_entries" VALUES(30,'2026-12-01T14:18:24.173025Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','mfa_device:deactivate','222233334444','{"mfa_serial_number":"arn:aws:iam::111122223333:mfa/root-account-mfa-device","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'ac0ff3e01354483a174d908df9703bd0e821fb8ac18fcaf8b291f6a4e39d77b3','e2b541e5e1d0c6772d6422177698aa913cca2bb05aa89cedf4f4bd179692b9d4');
INSERT INTO "ledger_entries" VALUES(31,'2026-12-01T14:18:24.174654Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','mfa_device:deactivate','222233334444','{"mfa_serial_number":"GAHT12345678","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'e2b541e5e1d0c6772d6422177698aa913cca2bb05aa89cedf4f4bd179692b9d4','41684442cc37269a54e3bb306821eecb58f9f324be1628cf44e9ca693ab0d168');
INSERT INTO "ledger_entries" VALUES(32,'2026-12-01T14:18:24.176342Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','222233334444','{"plan_id":"p-1","task_policy":"IAMAuditRootUserCredentials"}','intent','b29f187042bf5b14',NULL,NULL,'41684442cc37269a54e3bb306821eecb58f9f324be1628cf44e9ca693ab0d168','05ab4ff29c9bd60eaac6f9877058fbadd5184cfa061f96e4d93eda1ba939042c');
INSERT INTO "ledger_entries" VALUES(33,'2026-12-01T14:18:24.177957Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','222233334444','{"access_key_id":"ASIAEXAMPLE000000002","expires_at":"2026-12-01T14:33:24.177911+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',32,'done','05ab4ff29c9bd60eaac6f9877058fbadd5184cfa061f96e4d93eda1ba939042c','e608ba6399a1f19274eedde7211650ed051277d5c8885da3dadd47888db842ba');
INSERT INTO "ledger_entries" VALUES(34,'2026-12-01T14:18:24.179610Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','signing_certificate:delete','222233334444','{"answer":"success","request_id":"request-DeleteSigningCertificate","reread":"gone"}','outcome','b29f187042bf5b14',25,'done','e608ba6399a1f19274eedde7211650ed051277d5c8885da3dadd47888db842ba','7f5fcc3810205ace81cfc9b17c3b0e7d8ca4805b39a76a4f4d8966563025c3c7');
INSERT INTO "ledger_entries" VALUES(35,'2026-12-01T14:18:24.181161Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','mfa_device:deactivate','222233334444','{"answer":"success","request_id":"request-DeactivateMFADevice","reread":"gone"}','outcome','b29f187042bf5b14',30,'done','7f5fcc3810205ace81cfc9b17c3b0e7d8ca4805b39a76a4f4d8966563025c3c7','c0687a11a528ffedc728221a905345af79625c57e1e572de51878bc34801fbfe');
INSERT INTO "ledger_entries" VALUES(36,'2026-12-01T14:18:24.182727Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','mfa_device:deactivate','222233334444','{"answer":"success","request_id":"request-DeactivateMFADevice","reread":"gone"}','outcome','b29f187042bf5b14',31,'done','c0687a11a528ffedc728221a905345af79625c57e1e572de51878bc34801fbfe','8df33347340134cb368aeaaa20b682524320edc1d65aedb123d5babb43447615');
INSERT INTO "ledger_entries" VALUES(37,'2026-12-01T14:18:24.191589Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"IAMAuditRootUserCredentials"}','intent','b29f187042bf5b14',NULL,NULL,'8df33347340134cb368aeaaa20b682524320edc1d65aedb123d5babb43447615','5461ccd5fcc441acdd2778ed4bc466572b63ecb84a9f1635b1f41daa18e9b975');
INSERT INTO "ledger_entries" VALUES(38,'2026-12-01T14:18:24.193307Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000003","expires_at":"2026-12-01T14:33:24.193275+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',37,'done','5461ccd5fcc441acdd2778ed4bc466572b63ecb84a9f1635b1f41daa18e9b975','8aedf721f3d6fa14d35e5e4da20887a1c3881d9f489c06959253cf8db3ac8299');
INSERT INTO "ledger_entries" VALUES(39,'2026-12-01T14:18:24.196748Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:request','333344445555','{"approvals_needed":0,"approved_by":[],"duration_seconds":3600,"is_approved":false,"is_drill":false,"is_emergency":false,"reason":"billing","ticket":"T-1","window_id":"w-1"}','outcome','b29f187042bf5b14',NULL,'done','8aedf721f3d6fa14d35e5e4da20887a1c3881d9f489c06959253cf8db3ac8299','9b3103746afbfe663baf57d489b640db4e48db5e4b9abedf0706c3ddf6eafe2b');
INSERT INTO "ledger_entries" VALUES(40,'2026-12-01T14:18:24.207018Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"IAMCreateRootUserPassword","window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'9b3103746afbfe663baf57d489b640db4e48db5e4b9abedf0706c3ddf6eafe2b','3afe54e35ac3154216dc2d9b1710b0ba47e2b13a2901944eb67a1808dfdfc3d5');
INSERT INTO "ledger_entries" VALUES(41,'2026-12-01T14:18:24.208784Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000004","expires_at":"2026-12-01T14:33:24.208751+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',40,'done','3afe54e35ac3154216dc2d9b1710b0ba47e2b13a2901944eb67a1808dfdfc3d5','f626ed00b2ba12edee626dcada7e2291d4302bee251d2b02f4d43ed5039b7e20');
INSERT INTO "ledger_entries" VALUES(42,'2026-12-01T14:18:24.210390Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:create','333344445555','{"window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'f626ed00b2ba12edee626dcada7e2291d4302bee251d2b02f4d43ed5039b7e20','0e2f5748d2e1ecc29bb7e9bb6bd02ee3e75cc955706fbc389d71bb47f4d68fe7');
INSERT INTO "ledger_entries" VALUES(43,'2026-12-01T14:18:24.212082Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:create','333344445555','{"login_profile_created_at":"2026-12-01T14:18:24+00:00","request_id":"request-CreateLoginProfile","was_reread":true}','outcome','b29f187042bf5b14',42,'done','0e2f5748d2e1ecc29bb7e9bb6bd02ee3e75cc955706fbc389d71bb47f4d68fe7','1712f33f71bcd44e40a8647675a367630c00ef1d05b312cd0f77615ab837d10c');
INSERT INTO "ledger_entries" VALUES(44,'2026-12-01T14:18:24.214894Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:open','333344445555','{"expires_at":"2026-12-01T15:18:24.202223+00:00","opened_at":"2026-12-01T14:18:24+00:00","window_id":"w-1"}','outcome','b29f187042bf5b14',NULL,'done','1712f33f71bcd44e40a8647675a367630c00ef1d05b312cd0f77615ab837d10c','1c7886a21ffd0ad9e5d6856a5722c6711497aa7ab1beb3d789d0854ffbb3a59e');
INSERT INTO "ledger_entries" VALUES(45,'2026-12-01T14:18:24.220615Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:close','333344445555','{"window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'1c7886a21ffd0ad9e5d6856a5722c6711497aa7ab1beb3d789d0854ffbb3a59e','65330be196267f5a2b1b2a59e92052d1cdffb3310669f572e18d51e0ca283992');
INSERT INTO "ledger_entries" VALUES(46,'2026-12-01T14:18:24.222224Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"IAMDeleteRootUserCredentials","window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'65330be196267f5a2b1b2a59e92052d1cdffb3310669f572e18d51e0ca283992','182c332ecce87ad1ceccfcbcde6c07c6fa389a229617499a8de67de1f62af108');
INSERT INTO "ledger_entries" VALUES(47,'2026-12-01T14:18:24.223726Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000005","expires_at":"2026-12-01T14:33:24.223695+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',46,'done','182c332ecce87ad1ceccfcbcde6c07c6fa389a229617499a8de67de1f62af108','5a20faf91969614080635cbb115e1b07718430b37980dc05fd98dfa0bb6f2d41');
INSERT INTO "ledger_entries" VALUES(48,'2026-12-01T14:18:24.225340Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:delete','333344445555','{"session_access_key_id":"ASIAEXAMPLE000000005","window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'5a20faf91969614080635cbb115e1b07718430b37980dc05fd98dfa0bb6f2d41','e2c8f6c4e3a76439ce643b98732a1c4ce74d550aa31649cd24371f07f40b53f4');
INSERT INTO "ledger_entries" VALUES(49,'2026-12-01T14:18:24.227741Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"IAMAuditRootUserCredentials","window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'e2c8f6c4e3a76439ce643b98732a1c4ce74d550aa31649cd24371f07f40b53f4','515a65e1f7a9d0661a4b6de0bf34a29f769f8e07654856aabe811b8a0bb72547');
INSERT INTO "ledger_entries" VALUES(50,'2026-12-01T14:18:24.229268Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000006","expires_at":"2026-12-01T14:33:24.229240+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',49,'done','515a65e1f7a9d0661a4b6de0bf34a29f769f8e07654856aabe811b8a0bb72547','e93122bd280c563ae1bb2fc92235433a0ef8a755d1d18c2f06843e0758656de4');
INSERT INTO "ledger_entries" VALUES(51,'2026-12-01T14:18:24.230823Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:delete','333344445555','{"answer":"success","request_id":"request-DeleteLoginProfile","reread":"gone"}','outcome','b29f187042bf5b14',48,'done','e93122bd280c563ae1bb2fc92235433a0ef8a755d1d18c2f06843e0758656de4','071f7ea666ba006d843945c606b8de9018d84b50a12bb4b7dbd64daa4faf5bd5');
INSERT INTO "ledger_entries" VALUES(52,'2026-12-01T14:18:24.232343Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:close','333344445555','{"failure":null}','outcome','b29f187042bf5b14',45,'done','071f7ea666ba006d843945c606b8de9018d84b50a12bb4b7dbd64daa4faf5bd5','4614302de8c78c06dc761adca85f86403d18041fcea9337d333f0761b1fd296f');
INSERT INTO "ledger_entries" VALUES(53,'2026-12-01T14:18:24.236194Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"S3UnlockBucketPolicy"}','intent','b29f187042bf5b14',NULL,NULL,'4614302de8c78c06dc761adca85f86403d18041fcea9337d333f0761b1fd296f','e6f32634da211eb3e8f36b2540f6271188646eb29230acd51243ccac404cf574');
INSERT INTO "ledger_entries" VALUES(54,'2026-12-01T14:18:24.237691Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000007","expires_at":"2026-12-01T14:33:24.237663+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',53,'done','e6f32634da211eb3e8f36b2540f6271188646eb29230acd51243ccac404cf574','7f7e40f1c1dc8b0f8235797fbdab30a335c1e6402f0bcc8be23e6f2a78e42784');
INSERT INTO "ledger_entries" VALUES(55,'2026-12-01T14:18:24.241345Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:save','333344445555','{"bucket":"locked","partition":"aws","path":"/policies/1.json","region":"us-east-1","sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","size_bytes":229}','outcome','b29f187042bf5b14',NULL,'done','7f7e40f1c1dc8b0f8235797fbdab30a335c1e6402f0bcc8be23e6f2a78e42784','3a21df8598a3f23602c6663cd4e577788637cab7bce67d81985cef9360d3084f');
INSERT INTO "ledger_entries" VALUES(56,'2026-12-01T14:18:24.242642Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"S3UnlockBucketPolicy"}','intent','b29f187042bf5b14',NULL,NULL,'3a21df8598a3f23602c6663cd4e577788637cab7bce67d81985cef9360d3084f','fef9eb3e0a80797977ce82b98c463676f9f8b8ff184476a8be0240c3d5d3389b');
INSERT INTO "ledger_entries" VALUES(57,'2026-12-01T14:18:24.244074Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000008","expires_at":"2026-12-01T14:33:24.244045+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',56,'done','fef9eb3e0a80797977ce82b98c463676f9f8b8ff184476a8be0240c3d5d3389b','0dd34caad6a6c1d7fb315dc9431f1080fbb0151e4783be71920cf44c4db2c612');
INSERT INTO "ledger_entries" VALUES(58,'2026-12-01T14:18:24.245993Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:delete','333344445555','{"bucket":"locked","change":"remove","new_fingerprint":null,"new_sha256":null,"partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","region":"us-east-1","saved_path":"/policies/1.json","session_access_key_id":"ASIAEXAMPLE000000008"}','intent','b29f187042bf5b14',NULL,NULL,'0dd34caad6a6c1d7fb315dc9431f1080fbb0151e4783be71920cf44c4db2c612','88bf3132f09aca98280a5300145b7f3845dbeeefc7ed6fe10becaad457d3b7b3');
INSERT INTO "ledger_entries" VALUES(59,'2026-12-01T14:18:24.247696Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:delete','333344445555','{"answer":"success","request_id":"request-DeleteBucketPolicy","reread":"A re-read shows that the change was made."}','outcome','b29f187042bf5b14',58,'done','88bf3132f09aca98280a5300145b7f3845dbeeefc7ed6fe10becaad457d3b7b3','087a608644cf8f0161fc1a85a3b6f3fb97c37ca45f2726f6d8a8e30e293e907e');
INSERT INTO "ledger_entries" VALUES(60,'2026-12-01T14:18:24.249906Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"S3UnlockBucketPolicy"}','intent','b29f187042bf5b14',NULL,NULL,'087a608644cf8f0161fc1a85a3b6f3fb97c37ca45f2726f6d8a8e30e293e907e','8c297cb4ce1687aa8b907781b65d4cc5b33298be2648159e1c78ef35c3386f01');
INSERT INTO "ledger_entries" VALUES(61,'2026-12-01T14:18:24.251466Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000009","expires_at":"2026-12-01T14:33:24.251439+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',60,'done','8c297cb4ce1687aa8b907781b65d4cc5b33298be2648159e1c78ef35c3386f01','9cae2c4d642892b66c215598d061c2ddbeb5eee760c5099ccde3813d0e7df54b');
INSERT INTO "ledger_entries" VALUES(62,'2026-12-01T14:18:24.254982Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:save','333344445555','{"bucket":"other","partition":"aws","path":"/policies/2.json","region":"us-east-1","sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","size_bytes":229}','outcome','b29f187042bf5b14',NULL,'done','9cae2c4d642892b66c215598d061c2ddbeb5eee760c5099ccde3813d0e7df54b','fb6cd30a09f260549f0f2ce9800c6030e17eaf8df098c23adac85b61ae6d643d');
INSERT INTO "ledger_entries" VALUES(63,'2026-12-01T14:18:24.256292Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"S3UnlockBucketPolicy"}','intent','b29f187042bf5b14',NULL,NULL,'fb6cd30a09f260549f0f2ce9800c6030e17eaf8df098c23adac85b61ae6d643d','c98aa37777354d732645cdc44cb8882256987130d4e58f1d93c0811233d86adc');
INSERT INTO "ledger_entries" VALUES(64,'2026-12-01T14:18:24.257719Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000010","expires_at":"2026-12-01T14:33:24.257694+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',63,'done','c98aa37777354d732645cdc44cb8882256987130d4e58f1d93c0811233d86adc','321f9826577fbdafb1241aa77111e100bb3b710e938db881a668c78d5494b05b');
INSERT INTO "ledger_entries" VALUES(65,'2026-12-01T14:18:24.259448Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:put','333344445555','{"bucket":"other","change":"replace","new_fingerprint":"17068ce7629c5f52b7e83b119fa348551f41f7585ef9ee9c0e5386ae3e019982","new_sha256":"a0a9203262088e82893e9338f25f9c0d9f1f737ce88784d2d00ae6ee2826f6af","partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","region":"us-east-1","saved_path":"/policies/2.json","session_access_key_id":"ASIAEXAMPLE000000010"}','intent','b29f187042bf5b14',NULL,NULL,'321f9826577fbdafb1241aa77111e100bb3b710e938db881a668c78d5494b05b','40621b2cb9f57fccb293bbc1aaae72b4238434c046f40f1cb31ca400e76a0c67');
INSERT INTO "ledger_entries" VALUES(66,'2026-12-01T14:18:24.261421Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:put','333344445555','{"answer":"success","request_id":"request-PutBucketPolicy","reread":"A re-read shows that the change was made."}','outcome','b29f187042bf5b14',65,'done','40621b2cb9f57fccb293bbc1aaae72b4238434c046f40f1cb31ca400e76a0c67','83fef55e6bb64e29494a0ec74c5b48b62424d0fb0497b458edea30a401a9cb8d');
INSERT INTO "ledger_entries" VALUES(67,'2026-12-01T14:18:24.263886Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"SQSUnlockQueuePolicy"}','intent','b29f187042bf5b14',NULL,NULL,'83fef55e6bb64e29494a0ec74c5b48b62424d0fb0497b458edea30a401a9cb8d','7927ae5cd891ac4e6226a4457bc529b4df4f94132be98f03106cae759ea6edfc');
INSERT INTO "ledger_entries" VALUES(68,'2026-12-01T14:18:24.265165Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000011","expires_at":"2026-12-01T14:33:24.265141+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',67,'done','7927ae5cd891ac4e6226a4457bc529b4df4f94132be98f03106cae759ea6edfc','2d8d8558e432f3aedcbe6a1c7afff846b14d0b143abc6471ce26add1b161682b');
INSERT INTO "ledger_entries" VALUES(69,'2026-12-01T14:18:24.268378Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','queue_policy:save','333344445555','{"partition":"aws","path":"/policies/3.json","queue":"locked-queue","region":"us-east-1","sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","size_bytes":229}','outcome','b29f187042bf5b14',NULL,'done','2d8d8558e432f3aedcbe6a1c7afff846b14d0b143abc6471ce26add1b161682b','870e7965ecd045198fbeb12c0c696f9dfd8cfc369eecc6c8bfddd3e6016fb5b1');
INSERT INTO "ledger_entries" VALUES(70,'2026-12-01T14:18:24.269638Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"task_policy":"SQSUnlockQueuePolicy"}','intent','b29f187042bf5b14',NULL,NULL,'870e7965ecd045198fbeb12c0c696f9dfd8cfc369eecc6c8bfddd3e6016fb5b1','bca2107b4ba96c1d0ec97790abd1cf50a860c4415b2c148155deaf8731399aba');
INSERT INTO "ledger_entries" VALUES(71,'2026-12-01T14:18:24.270962Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','333344445555','{"access_key_id":"ASIAEXAMPLE000000012","expires_at":"2026-12-01T14:33:24.270938+00:00","request_id":"request-of-assume-root"}','outcome','b29f187042bf5b14',70,'done','bca2107b4ba96c1d0ec97790abd1cf50a860c4415b2c148155deaf8731399aba','ab6903dd3153f1b9fe13df5240e9f6666af88c41436c5a564b0d70c71e0c515e');
INSERT INTO "ledger_entries" VALUES(72,'2026-12-01T14:18:24.272360Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','queue_policy:set','333344445555','{"change":"remove","new_fingerprint":null,"new_sha256":null,"partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","queue":"locked-queue","region":"us-east-1","saved_path":"/policies/3.json","session_access_key_id":"ASIAEXAMPLE000000012"}','intent','b29f187042bf5b14',NULL,NULL,'ab6903dd3153f1b9fe13df5240e9f6666af88c41436c5a564b0d70c71e0c515e','672589b868bae300e7c9bde536846d6aa5a34ece598fdc7898e481358812656e');
INSERT INTO "ledger_entries" VALUES(73,'2026-12-01T14:18:24.273713Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','queue_policy:set','333344445555','{"answer":"success","request_id":"request-SetQueueAttributes","reread":"A re-read shows that the change was made."}','outcome','b29f187042bf5b14',72,'done','672589b868bae300e7c9bde536846d6aa5a34ece598fdc7898e481358812656e','5b5e1db137b2f18ffdde215abb827cab42a9220b5bfdfd030d3d776cd6356f28');
INSERT INTO "ledger_entries" VALUES(74,'2026-12-01T14:18:24.275642Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','email_update:start','333344445555','{"approved_by":[],"email":"aws+shop@example.com","email_before":"a@example.com","overridden":[],"reason":"owner left","ticket":null,"update_before_at":null,"update_before_was_read":true}','intent','b29f187042bf5b14',NULL,NULL,'5b5e1db137b2f18ffdde215abb827cab42a9220b5bfdfd030d3d776cd6356f28','27902f393c08a27faadc885381aa5efe9da1da6632f21aa0624870b89fb7a262');
INSERT INTO "ledger_entries" VALUES(75,'2026-12-01T14:18:24.276923Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','email_update:accept','333344445555','{"approved_by":[],"email":"aws+shop@example.com","email_before":"a@example.com","overridden":[],"reason":"owner left","ticket":null}','intent','b29f187042bf5b14',NULL,NULL,'27902f393c08a27faadc885381aa5efe9da1da6632f21aa0624870b89fb7a262','d5707bea5180265b890f4c9bad37d06f159b4ba00e6cf3e56d331c4798c2d502');
INSERT INTO "ledger_entries" VALUES(76,'2026-12-01T14:18:24.278136Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','report:send',NULL,'{"format":"html","period_end":"2026-12-01T00:00:00+00:00","place":"report.html","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1,"target":"file:report.html"}','intent','b29f187042bf5b14',NULL,NULL,'d5707bea5180265b890f4c9bad37d06f159b4ba00e6cf3e56d331c4798c2d502','fc37f5a7ca096b8940b87dadd076d234e41de48c1409b92872e86ed651304934');
INSERT INTO "ledger_entries" VALUES(77,'2026-12-01T14:18:24.279677Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','findings:import',NULL,'{"batch":1,"findings":2,"findings_sha256":"0000000000000000000000000000000000000000000000000000000000000000","period_end":"2026-12-01T00:00:00+00:00","product_arn":"arn:aws:securityhub:eu-central-1:111122223333:product/111122223333/default","target":"security-hub"}','intent','b29f187042bf5b14',NULL,NULL,'fc37f5a7ca096b8940b87dadd076d234e41de48c1409b92872e86ed651304934','3e0f39c3418bb73461874a013e80da74a74784c70a331924b227d49dd3fb120d');
INSERT INTO "ledger_entries" VALUES(78,'2026-12-01T14:18:24.281659Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','accounts:audit',NULL,'{"account_ids":["222233334444","333344445555"],"task_policy":"IAMAuditRootUserCredentials"}','intent','b29f187042bf5b14',NULL,NULL,'3e0f39c3418bb73461874a013e80da74a74784c70a331924b227d49dd3fb120d','82c1ebd86261e24e2a80a3ff6a795d5085925e973bff50c7fa5b4b47b1db9c04');
INSERT INTO "ledger_entries" VALUES(79,'2026-12-01T14:18:24.282913Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:keep','333344445555','{"window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'82c1ebd86261e24e2a80a3ff6a795d5085925e973bff50c7fa5b4b47b1db9c04','a4afa0d4825a115f7d615ec9344d03822f5e3601627d431752683e8e1db495ec');
INSERT INTO "ledger_entries" VALUES(80,'2026-12-01T14:18:24.284168Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:approve','333344445555','{"decided_at":"2026-12-01T00:00:00.000000Z","window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'a4afa0d4825a115f7d615ec9344d03822f5e3601627d431752683e8e1db495ec','699590274dd148c3b3ba31401c738bedd8b77cb24b09d5dff5ed7d4650a87d9d');
INSERT INTO "ledger_entries" VALUES(81,'2026-12-01T14:18:24.288006Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:enable',NULL,'{"feature":"RootCredentialsManagement"}','intent','b29f187042bf5b14',NULL,NULL,'699590274dd148c3b3ba31401c738bedd8b77cb24b09d5dff5ed7d4650a87d9d','15ec7f71dfea003b0ce51810d2bd37567213f216ad9c2882e558eb7ad2fa2190');
INSERT INTO "ledger_entries" VALUES(82,'2026-12-01T14:18:24.289518Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:register','444455556666','{}','intent','b29f187042bf5b14',NULL,NULL,'15ec7f71dfea003b0ce51810d2bd37567213f216ad9c2882e558eb7ad2fa2190','52729d67c219da278d491f923bd37641adb1123277a65b224b244b7c47a4ee38');
INSERT INTO "ledger_entries" VALUES(83,'2026-12-01T14:18:24.296263Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','feature:disable',NULL,'{"feature":"RootCredentialsManagement"}','intent','b29f187042bf5b14',NULL,NULL,'52729d67c219da278d491f923bd37641adb1123277a65b224b244b7c47a4ee38','63f567a162df9e90efdbdb87b150e8e27f44701c6fe744d430bc760ce1543730');
INSERT INTO "ledger_entries" VALUES(84,'2026-12-01T14:18:24.298040Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','delegated_administrator:deregister','444455556666','{}','intent','b29f187042bf5b14',NULL,NULL,'63f567a162df9e90efdbdb87b150e8e27f44701c6fe744d430bc760ce1543730','3374a324a15d82b8e167c9fcf4d971917d577093568441c78c59c7db694bb4e5');
INSERT INTO "ledger_entries" VALUES(85,'2026-12-01T14:18:24.299497Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:disable',NULL,'{}','intent','b29f187042bf5b14',NULL,NULL,'3374a324a15d82b8e167c9fcf4d971917d577093568441c78c59c7db694bb4e5','a370220704fcee24252af6ec9bac11542ce23f3d893e88e5fc0b6f394968c9f9');
INSERT INTO "ledger_entries" VALUES(86,'2026-12-01T14:18:24.302699Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','trusted_access:enable',NULL,'{}','intent','b29f187042bf5b14',NULL,NULL,'a370220704fcee24252af6ec9bac11542ce23f3d893e88e5fc0b6f394968c9f9','d0943d8b05843a6a354f2009671305192852ce776bd63332a7ef1af7cdc4d037');
INSERT INTO "ledger_entries" VALUES(87,'2026-12-01T14:18:24.306674Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','root_session:open','222233334444','{"plan_id":"p-1","task_policy":"IAMDeleteRootUserCredentials"}','intent','b29f187042bf5b14',NULL,NULL,'d0943d8b05843a6a354f2009671305192852ce776bd63332a7ef1af7cdc4d037','eda3b8970f3f465f21c332924ff9cad511a8f1e37de0ef7f973d92b517eb3863');
INSERT INTO "ledger_entries" VALUES(88,'2026-12-01T14:18:24.310697Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','access_key:delete','222233334444','{"access_key_id":"AKIAIOSFODNN7EXAMPLE","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'eda3b8970f3f465f21c332924ff9cad511a8f1e37de0ef7f973d92b517eb3863','b8d4aeadece2a68f40451bb47493db9db8df1dec42f564458ec4c65bb06bd962');
INSERT INTO "ledger_entries" VALUES(89,'2026-12-01T14:18:24.314694Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','signing_certificate:delete','222233334444','{"plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001","signing_certificate_id":"TA7SMP42TDN5Z26OBPJE7EXAMPLE"}','intent','b29f187042bf5b14',NULL,NULL,'b8d4aeadece2a68f40451bb47493db9db8df1dec42f564458ec4c65bb06bd962','de82c88ac5896bac08b7fe6c0d7df20e8c85f9db52fb4d30b7b962abdbb13df3');
INSERT INTO "ledger_entries" VALUES(90,'2026-12-01T14:18:24.318694Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:delete','222233334444','{"plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'de82c88ac5896bac08b7fe6c0d7df20e8c85f9db52fb4d30b7b962abdbb13df3','ecaf0ff56beb470ad8ae99097faffd993a97061e508576eaa115d431f04b61d6');
INSERT INTO "ledger_entries" VALUES(91,'2026-12-01T14:18:24.322675Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','mfa_device:deactivate','222233334444','{"mfa_serial_number":"arn:aws:iam::111122223333:mfa/root-account-mfa-device","plan_id":"p-1","session_access_key_id":"ASIAEXAMPLE000000001"}','intent','b29f187042bf5b14',NULL,NULL,'ecaf0ff56beb470ad8ae99097faffd993a97061e508576eaa115d431f04b61d6','49057394494c613b5a21bd6d424b568effbc14191b9f9b6543e063b4e891b18b');
INSERT INTO "ledger_entries" VALUES(92,'2026-12-01T14:18:24.326784Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','login_profile:create','333344445555','{"window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'49057394494c613b5a21bd6d424b568effbc14191b9f9b6543e063b4e891b18b','57c0a307f8a837637108b2b92c612078870017a366911a6f855404d0ede95466');
INSERT INTO "ledger_entries" VALUES(93,'2026-12-01T14:18:24.329265Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','window:close','333344445555','{"window_id":"w-1"}','intent','b29f187042bf5b14',NULL,NULL,'57c0a307f8a837637108b2b92c612078870017a366911a6f855404d0ede95466','174a642d57b9e009ec604ea07991e16a390ab625a41248b32da2e097d41fe433');
INSERT INTO "ledger_entries" VALUES(94,'2026-12-01T14:18:24.334861Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:delete','333344445555','{"bucket":"locked","change":"remove","new_fingerprint":null,"new_sha256":null,"partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","region":"us-east-1","saved_path":"/policies/1.json","session_access_key_id":"ASIAEXAMPLE000000008"}','intent','b29f187042bf5b14',NULL,NULL,'174a642d57b9e009ec604ea07991e16a390ab625a41248b32da2e097d41fe433','04c31114d7219c6b11d893ff2e717a1319b83165d664760a510f6f2a1d30bd94');
INSERT INTO "ledger_entries" VALUES(95,'2026-12-01T14:18:24.338757Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','bucket_policy:put','333344445555','{"bucket":"other","change":"replace","new_fingerprint":"17068ce7629c5f52b7e83b119fa348551f41f7585ef9ee9c0e5386ae3e019982","new_sha256":"a0a9203262088e82893e9338f25f9c0d9f1f737ce88784d2d00ae6ee2826f6af","partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","region":"us-east-1","saved_path":"/policies/2.json","session_access_key_id":"ASIAEXAMPLE000000010"}','intent','b29f187042bf5b14',NULL,NULL,'04c31114d7219c6b11d893ff2e717a1319b83165d664760a510f6f2a1d30bd94','ba183c1e73f109ac8f5dcd766b7cf663b345bcb52fa90ea8be5f72d458c22b22');
INSERT INTO "ledger_entries" VALUES(96,'2026-12-01T14:18:24.342715Z','o-exampleorgid','SANDBOX 127.0.0.1:4599','operator@desk','self_asserted','arn:aws:iam::111122223333:user/operator','queue_policy:set','333344445555','{"change":"remove","new_fingerprint":null,"new_sha256":null,"partition":"aws","previous_fingerprint":"25e3a2d9adb4ddb9184c16120cd3b0e86fb1f33f2f00273b6343c77c8fa412ea","previous_sha256":"5e26c9648de088d57c826c6a6d8d3f71211fa5e8add5a5d0fa9328627a58ade4","queue":"locked-queue","region":"us-east-1","saved_path":"/policies/3.json","session_access_key_id":"ASIAEXAMPLE000000012"}','intent','b29f187042bf5b14',NULL,NULL,'ba183c1e73f109ac8f5dcd766b7cf663b345bcb52fa90ea8be5f72d458c22b22','023a63e10efb8d56cefc35dad3c814cc08ff6ecbbb94473a741abd67dd32e66f');
CREATE TABLE ledger_head (
	head_id INTEGER NOT NULL, 
	organization_id VARCHAR(34) NOT NULL, 
	sequence INTEGER NOT NULL, 
	entry_hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ledger_head PRIMARY KEY (head_id), 
	CONSTRAINT ck_ledger_head_single CHECK (head_id = 1)
);
INSERT INTO "ledger_head" VALUES(1,'o-exampleorgid',96,'023a63e10efb8d56cefc35dad3c814cc08ff6ecbbb94473a741abd67dd32e66f');
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
INSERT INTO "open_intents" VALUES(74,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(75,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(76,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(77,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(78,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(79,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(80,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(81,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(82,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(83,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(84,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(85,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(86,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(87,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(88,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(89,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(90,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(91,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(92,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(93,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(94,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(95,'o-exampleorgid','b29f187042bf5b14');
INSERT INTO "open_intents" VALUES(96,'o-exampleorgid','b29f187042bf5b14');
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
INSERT INTO "owners" VALUES('b29f187042bf5b14','','desk','00000000-0000-0000-0000-000000000000 pid:[4026531836]',19338,'1586730','operator','2026-12-01T14:18:24.067516Z','2026-12-01T14:18:54.067516Z');
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
INSERT INTO "recovery_windows" VALUES('w-1','o-exampleorgid','333344445555',NULL,'CLOSED_VERIFIED','billing','T-1','operator@desk','2026-12-01T14:18:24.196697Z',3600,'[]','2026-12-01T14:18:24.000000Z','2026-12-01T15:18:24.202223Z','2026-12-01T14:18:24.234028Z',NULL,'self_asserted',0,'[]',NULL,NULL,NULL,0,NULL,NULL,0,NULL,0,NULL,0,NULL);
CREATE TABLE saved_views (
	organization_id VARCHAR(34) NOT NULL, 
	identity_id VARCHAR(64) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	address TEXT NOT NULL, 
	saved_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_saved_views PRIMARY KEY (organization_id, identity_id, name)
);
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
CREATE INDEX ix_recovery_windows_next_reread_at ON recovery_windows (organization_id, next_reread_at);
CREATE INDEX ix_recovery_windows_account_id ON recovery_windows (organization_id, account_id);
CREATE INDEX ix_audits_organization_id ON audits (organization_id, ended_at);
CREATE INDEX ix_audit_statuses_audit_id ON audit_statuses (organization_id, audit_id);
CREATE INDEX ix_jobs_state ON jobs (organization_id, state);
CREATE INDEX ix_jobs_organization_id ON jobs (organization_id, created_at);
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
