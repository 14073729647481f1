# Metric filters on the log group of an organization trail, which sees every account and Region.

variable "alarms" {
  description = "Those of \"rootkeeper policies alarms\", by their kind."
  type        = any
}

variable "log_group_name" {
  description = "Log group of the organization trail."
  type        = string
}

variable "topic_arn" {
  description = "Gets what a person must see at once."
  type        = string
}

resource "aws_cloudwatch_log_metric_filter" "alarm" {
  for_each       = var.alarms
  name           = each.value.name
  log_group_name = var.log_group_name
  pattern        = each.value.metric_filter

  metric_transformation {
    namespace     = each.value.metric_namespace
    name          = each.value.metric_name
    value         = "1"
    default_value = "0"
  }
}

# The others also match Rootkeeper's own root sessions; the server finds out which are its own.
resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each            = { for name, alarm in var.alarms : name => alarm if !alarm.needs_matching }
  alarm_name          = each.value.name
  alarm_description   = each.value.description
  namespace           = each.value.metric_namespace
  metric_name         = each.value.metric_name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}
