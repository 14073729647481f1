# Root activity of the two accounts from which root sessions are opened, in the provider's Region. Every record goes to
# the queue, which the server matches with its ledger. What a person must see at once goes to the topic, too.

locals {
  rules        = { for alarm in jsondecode(file(var.alarms_file)).alarms : alarm.alarm => alarm }
  urgent       = { for name, alarm in local.rules : name => alarm if !alarm.needs_matching }
  is_elsewhere = local.policies.management_account_id != local.policies.role_account_id
  topic_arn    = var.alarm_topic_arn != null ? var.alarm_topic_arn : aws_sns_topic.alarms[0].arn

  # What an audit reads is recorded, too; a rule that is only enabled doesn't get reading calls.
  every_event = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

  # From another account EventBridge delivers with a role alone.
  receivers = {
    queue = { arn = aws_sqs_queue.records.arn, action = "sqs:SendMessage", role_name = "rootkeeper-queue-delivery" }
    topic = { arn = local.topic_arn, action = "sns:Publish", role_name = "rootkeeper-topic-delivery" }
  }

  targets = merge(
    { for name in keys(local.rules) : "${name}-queue" => { rule = name, receiver = "queue" } },
    { for name in keys(local.urgent) : "${name}-topic" => { rule = name, receiver = "topic" } },
  )

  # Who may send to queue and topic.
  senders = {
    for name, receiver in local.receivers : name => [
      {
        Sid       = "RulesOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = receiver.action
        Resource  = receiver.arn
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
        Action    = receiver.action
        Resource  = receiver.arn
        Condition = {
          StringEquals = { "aws:PrincipalOrgID" = local.policies.organization_id }
          ArnLike      = { "aws:PrincipalArn" = "arn:${local.partition}:iam::*:role/${receiver.role_name}" }
        }
      },
    ]
  }
}

resource "aws_sqs_queue" "records" {
  provider                  = aws.roles
  name                      = "rootkeeper-root-events"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "records" {
  provider  = aws.roles
  queue_url = aws_sqs_queue.records.id
  policy    = jsonencode({ Version = "2012-10-17", Statement = local.senders["queue"] })
}

# Without a key of yours it isn't encrypted, because EventBridge and CloudWatch can't use AWS's own key.
resource "aws_sns_topic" "alarms" {
  count             = var.alarm_topic_arn == null ? 1 : 0
  provider          = aws.roles
  name              = "rootkeeper-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  count    = length(aws_sns_topic.alarms)
  provider = aws.roles
  arn      = aws_sns_topic.alarms[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.senders["topic"], [
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms[0].arn
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${data.aws_region.roles.name}:${local.policies.role_account_id}:alarm:rootkeeper-*"
          }
        }
      },
    ])
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

resource "aws_cloudwatch_event_target" "roles" {
  for_each  = local.targets
  provider  = aws.roles
  rule      = aws_cloudwatch_event_rule.roles[each.value.rule].name
  target_id = each.value.receiver
  arn       = local.receivers[each.value.receiver].arn
}

resource "aws_iam_role" "delivery" {
  for_each    = { for name, receiver in local.receivers : name => receiver if local.is_elsewhere }
  provider    = aws.management
  name        = each.value.role_name
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
  for_each = aws_iam_role.delivery
  provider = aws.management
  name     = each.value.name
  role     = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.receivers[each.key].action, Resource = local.receivers[each.key].arn }]
  })
}

resource "aws_cloudwatch_event_rule" "management" {
  for_each      = { for name, alarm in local.rules : name => alarm if local.is_elsewhere }
  provider      = aws.management
  name          = each.value.name
  description   = each.value.description
  state         = local.every_event
  event_pattern = jsonencode(each.value.event_pattern)
}

resource "aws_cloudwatch_event_target" "management" {
  for_each  = { for name, target in local.targets : name => target if local.is_elsewhere }
  provider  = aws.management
  rule      = aws_cloudwatch_event_rule.management[each.value.rule].name
  target_id = each.value.receiver
  arn       = local.receivers[each.value.receiver].arn
  role_arn  = aws_iam_role.delivery[each.value.receiver].arn
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
