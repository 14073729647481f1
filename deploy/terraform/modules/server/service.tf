data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_iam_role" "task" {
  name = var.task_role_name
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name

  # ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:…; empty for an image of another registry.
  ecr = try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[a-z.]+/(?P<name>[^@:]+)", var.server.image), null)

  settings = merge(
    {
      AWS_REGION                 = local.region
      ROOTKEEPER_DATABASE_URL    = "postgresql+psycopg://rootkeeper@${aws_db_instance.database.address}/rootkeeper?${var.server.database_url_options}"
      ROOTKEEPER_WATCHING_SOURCE = "sqs:${var.queue_url}"

      # Else their names follow from the database's address, which another one has after a restore.
      ROOTKEEPER_LEDGER_MIRROR         = "/data/rootkeeper.mirror.jsonl"
      ROOTKEEPER_SERVER_KEY_FILE       = "/data/rootkeeper.key"
      ROOTKEEPER_UNLOCK_SAVED_POLICIES = "/data/rootkeeper.policies"
    },
    { for work, arn in var.role_arns : "ROOTKEEPER_AWS_ROLES_${upper(work)}" => arn },
    var.anchor_bucket == null ? { ROOTKEEPER_LEDGER_ANCHOR = "/data/rootkeeper.anchor.jsonl" } : { ROOTKEEPER_LEDGER_ANCHOR_BUCKET = var.anchor_bucket },
    var.server.load_balancer == null ? {} : {
      ROOTKEEPER_SERVER_PUBLIC_URL      = var.server.load_balancer.public_url
      ROOTKEEPER_SERVER_TRUSTED_PROXIES = join(",", [for subnet in data.aws_subnet.load_balancer : subnet.cidr_block])
    },
    var.server.settings,
  )
  secrets = merge(var.server.secrets, { PGPASSWORD = var.database_secret_arn })
}

resource "aws_cloudwatch_log_group" "server" {
  name              = "/rootkeeper/server"
  retention_in_days = var.server.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_group" "database" {
  name              = "/aws/rds/instance/rootkeeper/postgresql"
  retention_in_days = var.server.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# What Amazon ECS uses to start the server; the server itself can't use it.
resource "aws_iam_role" "execution" {
  name        = "rootkeeper-server-start"
  description = "Starts the Rootkeeper server: its image, its secrets, its log"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account_id}:*" }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "execution" {
  name = "rootkeeper-server-start"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteTheLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.server.arn}:*"
        },
        {
          # A secret is named by its ARN, after which a JSON key and a version may follow.
          Sid      = "ReadSecrets"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = sort(distinct([for arn in values(local.secrets) : join(":", slice(split(":", arn), 0, 7))]))
        },
      ],
      var.kms_key_arn == null ? [] : [
        {
          Sid      = "DecryptSecrets"
          Effect   = "Allow"
          Action   = "kms:Decrypt"
          Resource = var.kms_key_arn
        },
      ],
      local.ecr == null ? [] : [
        {
          Sid      = "SignInToTheRegistry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*"
        },
      ],
      local.ecr == null ? [] : [
        {
          Sid      = "PullTheImage"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = "arn:${local.partition}:ecr:${local.ecr.region}:${local.ecr.account}:repository/${local.ecr.name}"
        },
      ],
    )
  })
}

resource "aws_ecs_cluster" "server" {
  name = "rootkeeper"

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "server" {
  family                   = "rootkeeper-server"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.server.cpu
  memory                   = var.server.memory
  task_role_arn            = data.aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.server.cpu_architecture
  }

  volume {
    name = "data"

    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.files.id
      transit_encryption = "ENABLED"

      authorization_config {
        access_point_id = aws_efs_access_point.files.id
        iam             = "ENABLED"
      }
    }
  }

  container_definitions = jsonencode([
    {
      name                   = "server"
      image                  = var.server.image
      essential              = true
      user                   = "10001:10001"
      readonlyRootFilesystem = true
      stopTimeout            = 30
      linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
      ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
      portMappings           = [{ containerPort = local.port, protocol = "tcp" }]
      mountPoints            = [{ sourceVolume = "data", containerPath = "/data", readOnly = false }]
      environment            = [for name in sort(keys(local.settings)) : { name = name, value = local.settings[name] }]
      secrets                = [for name in sort(keys(local.secrets)) : { name = name, valueFrom = local.secrets[name] }]

      healthCheck = {
        command     = ["CMD", "/opt/rootkeeper/bin/python", "-m", "rootkeeper.server.health"]
        interval    = 30
        timeout     = 5
        retries     = 3
        startPeriod = 120
      }

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.server.name
          awslogs-region        = local.region
          awslogs-stream-prefix = "server"
        }
      }
    },
  ])
}

# One task: the old one ends before the new one starts, so that one process at a time writes the files.
resource "aws_ecs_service" "server" {
  name                               = "rootkeeper-server"
  cluster                            = aws_ecs_cluster.server.id
  task_definition                    = aws_ecs_task_definition.server.arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = var.server.running ? 1 : 0
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  health_check_grace_period_seconds  = var.server.load_balancer == null ? null : 180
  availability_zone_rebalancing      = "DISABLED"
  enable_execute_command             = false
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.server.private_subnet_ids
    security_groups  = [aws_security_group.server.id]
    assign_public_ip = false
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "load_balancer" {
    for_each = aws_lb_target_group.server[*].arn

    content {
      target_group_arn = load_balancer.value
      container_name   = "server"
      container_port   = local.port
    }
  }

  depends_on = [
    aws_efs_file_system_policy.files,
    aws_efs_mount_target.files,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.files,
    aws_lb_listener.server,
  ]
}
