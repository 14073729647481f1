# A server that doesn't run closes no window.

resource "aws_cloudwatch_metric_alarm" "not_running" {
  alarm_name          = "rootkeeper-server-not-running"
  alarm_description   = "No Rootkeeper server has run for five minutes, so recovery windows aren't closed"
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = aws_ecs_cluster.server.name, ServiceName = aws_ecs_service.server.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "database_full" {
  alarm_name          = "rootkeeper-database-full"
  alarm_description   = "The database of Rootkeeper has less than 2 GB of storage left"
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = { DBInstanceIdentifier = aws_db_instance.database.identifier }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 2000000000
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}

# An event can return to the queue for an hour, until the ledger shows whether a session was ours; not for longer.
resource "aws_cloudwatch_metric_alarm" "unread_records" {
  alarm_name          = "rootkeeper-records-unread"
  alarm_description   = "Root events wait in the queue of Rootkeeper for more than two hours"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = element(split("/", var.queue_url), -1) }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 7200
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}
