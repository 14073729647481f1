# Root activity of the two accounts from which root sessions are opened, in the provider's Region. Every record goes to
# the queue, which the server matches with its ledger. What a person must see at once goes to the topic, too.

locals {
  rules        = { for alarm in jsondecode(file(var.alarms_file)).alarms : alarm.alarm => alarm }
  urgent       = { for name, alarm in local.rules : name => alarm if !alarm.needs_matching }
  queue_name   = "rootkeeper-root-events"
  is_elsewhere = local.policies.management_account_id != local.policies.role_account_id
  topic_arn    = var.alarm_topic_arn != null ? var.alarm_topic_arn : module.topic[0].arn

  # What an audit reads is recorded, too; a rule that is only enabled doesn't get reading calls.
  every_event = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

  management = { for name, alarm in local.rules : name => alarm if local.is_elsewhere }
  receivers  = { queue = ["sqs:SendMessage", aws_sqs_queue.records.arn], topic = ["sns:Publish", local.topic_arn] }
  delivery   = local.is_elsewhere ? toset(["queue", "topic"]) : toset([])
}

resource "aws_sqs_queue" "records" {
  provider                  = aws.roles
  name                      = local.queue_name
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "records" {
  provider  = aws.roles
  queue_url = aws_sqs_queue.records.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RulesOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.records.arn
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:${local.partition}:events:${data.aws_region.roles.name}:${local.policies.role_account_id}:rule/rootkeeper-*"
          }
        }
      },
      {
        Sid       = "RulesOfTheOrganization"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.records.arn
        Condition = {
          StringEquals = { "aws:PrincipalOrgID" = local.policies.organization_id }
          ArnLike      = { "aws:PrincipalArn" = "arn:${local.partition}:iam::*:role/rootkeeper-queue-delivery" }
        }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "roles" {
  for_each      = local.rules
  provider      = aws.roles
  name          = each.value.name
  description   = each.value.description
  state         = local.every_event
  event_pattern = jsonencode(each.value.event_pattern)
}

resource "aws_cloudwatch_event_target" "roles_queue" {
  for_each  = local.rules
  provider  = aws.roles
  rule      = aws_cloudwatch_event_rule.roles[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.records.arn
}

resource "aws_cloudwatch_event_target" "roles_topic" {
  for_each  = local.urgent
  provider  = aws.roles
  rule      = aws_cloudwatch_event_rule.roles[each.key].name
  target_id = "topic"
  arn       = local.topic_arn
}

# From another account EventBridge delivers with a role alone.
resource "aws_iam_role" "delivery" {
  for_each    = local.delivery
  provider    = aws.management
  name        = "rootkeeper-${each.key}-delivery"
  description = "Sends what the rules of Rootkeeper pick to the ${each.key} in ${local.policies.role_account_id}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = local.policies.management_account_id } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "delivery" {
  for_each = local.delivery
  provider = aws.management
  name     = "rootkeeper-${each.key}-delivery"
  role     = aws_iam_role.delivery[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.receivers[each.key][0], Resource = local.receivers[each.key][1] }]
  })
}

resource "aws_cloudwatch_event_rule" "management" {
  for_each      = local.management
  provider      = aws.management
  name          = each.value.name
  description   = each.value.description
  state         = local.every_event
  event_pattern = jsonencode(each.value.event_pattern)
}

resource "aws_cloudwatch_event_target" "management_queue" {
  for_each  = local.management
  provider  = aws.management
  rule      = aws_cloudwatch_event_rule.management[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.records.arn
  role_arn  = aws_iam_role.delivery["queue"].arn
}

resource "aws_cloudwatch_event_target" "management_topic" {
  for_each  = { for name, alarm in local.urgent : name => alarm if local.is_elsewhere }
  provider  = aws.management
  rule      = aws_cloudwatch_event_rule.management[each.key].name
  target_id = "topic"
  arn       = local.topic_arn
  role_arn  = aws_iam_role.delivery["topic"].arn
}

module "topic" {
  count  = var.alarm_topic_arn == null ? 1 : 0
  source = "./modules/topic"

  providers = {
    aws = aws.roles
  }

  organization_id = local.policies.organization_id
  kms_key_arn     = var.kms_key_arn
}

module "alarms" {
  count  = var.trail_log_group_name == null ? 0 : 1
  source = "./modules/alarms"

  providers = {
    aws = aws.roles
  }

  alarms         = local.rules
  log_group_name = var.trail_log_group_name
  topic_arn      = local.topic_arn
}
