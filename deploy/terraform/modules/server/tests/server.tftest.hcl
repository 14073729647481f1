# "terraform init" and "terraform test" in the folder of the module: they call no account.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222233334444" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222233334444:role/rootkeeper-server" }
  }

  mock_data "aws_subnet" {
    defaults = { cidr_block = "10.0.1.0/24" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222233334444:role/rootkeeper-server-start" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:222233334444:log-group:/rootkeeper/server" }
  }

  mock_resource "aws_efs_file_system" {
    defaults = { arn = "arn:aws:elasticfilesystem:us-east-1:222233334444:file-system/fs-0123456789abcdef0", id = "fs-0123456789abcdef0" }
  }

  mock_resource "aws_efs_access_point" {
    defaults = { arn = "arn:aws:elasticfilesystem:us-east-1:222233334444:access-point/fsap-0123456789abcdef0", id = "fsap-0123456789abcdef0" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:222233334444:loadbalancer/app/rootkeeper/50dc6c495c0c9188" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:222233334444:targetgroup/rootkeeper/73e2d6bc24d8a067" }
  }

  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:222233334444:listener/app/rootkeeper/50dc6c495c0c9188/0467ef3c8400ae65" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:222233334444:task-definition/rootkeeper-server:1" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { id = "arn:aws:ecs:us-east-1:222233334444:cluster/rootkeeper" }
  }

  mock_resource "aws_db_instance" {
    defaults = { address = "rootkeeper.abcdefghijkl.us-east-1.rds.amazonaws.com" }
  }
}

variables {
  task_role_name  = "rootkeeper-server"
  queue_url       = "https://sqs.us-east-1.amazonaws.com/222233334444/rootkeeper-root-events"
  anchor_bucket   = "s3://amzn-s3-demo-anchor/rootkeeper"
  alarm_topic_arn = "arn:aws:sns:us-east-1:222233334444:rootkeeper-alarms"

  database_secret_arn       = "arn:aws:secretsmanager:us-east-1:222233334444:secret:rootkeeper-database-AbCdEf"
  database_password         = "made up for this test"
  database_password_version = 1

  role_arns = {
    audit   = "arn:aws:iam::222233334444:role/rootkeeper-audit"
    delete  = "arn:aws:iam::222233334444:role/rootkeeper-delete"
    recover = "arn:aws:iam::222233334444:role/rootkeeper-recover"
    report  = "arn:aws:iam::222233334444:role/rootkeeper-report"
    unlock  = "arn:aws:iam::222233334444:role/rootkeeper-unlock"
  }

  server = {
    image              = "222233334444.dkr.ecr.eu-central-1.amazonaws.com/security/rootkeeper@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b"
    vpc_id             = "vpc-0123456789abcdef0"
    private_subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    settings           = { ROOTKEEPER_SCHEDULES_AUDITS = "0 6 * * * UTC" }
    secrets            = { ONCALL_URL = "arn:aws:secretsmanager:us-east-1:222233334444:secret:oncall-AbCdEf:url::" }
  }
}

run "without_a_load_balancer" {
  command = plan

  assert {
    condition     = length(aws_lb.server) == 0 && length(aws_vpc_security_group_ingress_rule.server) == 0
    error_message = "Something lets others in."
  }

  assert {
    condition     = !one(aws_ecs_service.server.network_configuration).assign_public_ip
    error_message = "The server has a public address."
  }

  assert {
    condition     = aws_ecs_service.server.deployment_maximum_percent == 100 && aws_ecs_service.server.desired_count == 1
    error_message = "Two tasks could write the files at the same time."
  }

  assert {
    condition = alltrue([
      for one in jsondecode(aws_ecs_task_definition.server.container_definitions) :
      one.readonlyRootFilesystem && one.user == "10001:10001" && one.linuxParameters.capabilities.drop == ["ALL"]
    ])
    error_message = "The container has more rights than it needs."
  }

  assert {
    condition = { for one in jsondecode(aws_ecs_task_definition.server.container_definitions)[0].environment : one.name => one.value } == {
      AWS_REGION                       = "us-east-1"
      ROOTKEEPER_AWS_ROLES_AUDIT       = "arn:aws:iam::222233334444:role/rootkeeper-audit"
      ROOTKEEPER_AWS_ROLES_DELETE      = "arn:aws:iam::222233334444:role/rootkeeper-delete"
      ROOTKEEPER_AWS_ROLES_RECOVER     = "arn:aws:iam::222233334444:role/rootkeeper-recover"
      ROOTKEEPER_AWS_ROLES_REPORT      = "arn:aws:iam::222233334444:role/rootkeeper-report"
      ROOTKEEPER_AWS_ROLES_UNLOCK      = "arn:aws:iam::222233334444:role/rootkeeper-unlock"
      ROOTKEEPER_DATABASE_URL          = "postgresql+psycopg://rootkeeper@rootkeeper.abcdefghijkl.us-east-1.rds.amazonaws.com/rootkeeper?sslmode=require"
      ROOTKEEPER_LEDGER_ANCHOR_BUCKET  = "s3://amzn-s3-demo-anchor/rootkeeper"
      ROOTKEEPER_LEDGER_MIRROR         = "/data/rootkeeper.mirror.jsonl"
      ROOTKEEPER_SERVER_KEY_FILE       = "/data/rootkeeper.key"
      ROOTKEEPER_UNLOCK_SAVED_POLICIES = "/data/rootkeeper.policies"
      ROOTKEEPER_SCHEDULES_AUDITS      = "0 6 * * * UTC"
      ROOTKEEPER_WATCHING_SOURCE       = "sqs:https://sqs.us-east-1.amazonaws.com/222233334444/rootkeeper-root-events"
    }
    error_message = "The server gets other settings."
  }

  assert {
    condition = { for one in jsondecode(aws_ecs_task_definition.server.container_definitions)[0].secrets : one.name => one.valueFrom } == {
      ONCALL_URL = "arn:aws:secretsmanager:us-east-1:222233334444:secret:oncall-AbCdEf:url::"
      PGPASSWORD = "arn:aws:secretsmanager:us-east-1:222233334444:secret:rootkeeper-database-AbCdEf"
    }
    error_message = "The server gets other secrets."
  }

  assert {
    condition = { for one in jsondecode(aws_iam_role_policy.execution.policy).Statement : one.Sid => one.Resource } == {
      WriteTheLog         = "arn:aws:logs:us-east-1:222233334444:log-group:/rootkeeper/server:*"
      SignInToTheRegistry = "*"
      PullTheImage        = "arn:aws:ecr:eu-central-1:222233334444:repository/security/rootkeeper"
      ReadSecrets = [
        "arn:aws:secretsmanager:us-east-1:222233334444:secret:oncall-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:222233334444:secret:rootkeeper-database-AbCdEf",
      ]
    }
    error_message = "The role that starts the server reaches something else."
  }

  assert {
    condition     = aws_db_instance.database.storage_encrypted && aws_db_instance.database.deletion_protection && !aws_db_instance.database.publicly_accessible && aws_efs_file_system.files.encrypted
    error_message = "The data isn't protected."
  }
}

run "with_a_load_balancer" {
  command = plan

  variables {
    server = merge(var.server, {
      image = "registry.example.com/rootkeeper@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b"

      load_balancer = {
        public_url      = "https://rootkeeper.example.com"
        certificate_arn = "arn:aws:acm:us-east-1:222233334444:certificate/12345678-1234-1234-1234-123456789012"
        subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
        allowed_cidrs   = ["10.8.0.0/16"]
      }
    })
  }

  assert {
    condition     = aws_lb.server[0].internal && aws_lb.server[0].preserve_host_header && aws_lb_listener.server[0].protocol == "HTTPS"
    error_message = "The load balancer isn't internal or has no TLS."
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.people) == ["10.8.0.0/16"]
    error_message = "Others can reach the load balancer."
  }

  assert {
    condition = { for one in jsondecode(aws_ecs_task_definition.server.container_definitions)[0].environment : one.name => one.value if contains(["ROOTKEEPER_SERVER_PUBLIC_URL", "ROOTKEEPER_SERVER_TRUSTED_PROXIES"], one.name) } == {
      ROOTKEEPER_SERVER_PUBLIC_URL      = "https://rootkeeper.example.com"
      ROOTKEEPER_SERVER_TRUSTED_PROXIES = "10.0.1.0/24,10.0.1.0/24"
    }
    error_message = "The server doesn't know its load balancer."
  }

  assert {
    condition     = !contains([for one in jsondecode(aws_iam_role_policy.execution.policy).Statement : one.Sid], "PullTheImage")
    error_message = "A role may pull from a registry that isn't AWS's."
  }
}

run "an_image_without_a_digest_is_refused" {
  command = plan

  variables {
    server = merge(var.server, { image = "rootkeeper:latest" })
  }

  expect_failures = [var.server]
}

run "everyone_is_refused" {
  command = plan

  variables {
    server = merge(var.server, {
      load_balancer = {
        public_url      = "https://rootkeeper.example.com"
        certificate_arn = "arn:aws:acm:us-east-1:222233334444:certificate/12345678-1234-1234-1234-123456789012"
        subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
        allowed_cidrs   = ["0.0.0.0/0"]
      }
    })
  }

  expect_failures = [var.server]
}

run "a_secret_among_the_settings_is_refused" {
  command = plan

  variables {
    server = merge(var.server, { settings = { OIDC_CLIENT_SECRET = "not-a-secret-any-more" } })
  }

  expect_failures = [var.server]
}
