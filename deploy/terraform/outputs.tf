output "server_role_arn" {
  description = "What the server runs as; the option --server-role-arn of rootkeeper policies roles."
  value       = aws_iam_role.server.arn
}

output "role_arns" {
  description = "For the settings aws.roles.… of a server."
  value       = { for name, role in aws_iam_role.work : name => role.arn }
}

output "queue_url" {
  description = "For the setting watching.source, as sqs:URL."
  value       = aws_sqs_queue.records.id
}

output "alarm_topic_arn" {
  description = "Subscribe to it: what a person must see at once is published here."
  value       = local.topic_arn
}

output "anchor_bucket" {
  description = "For the setting ledger.anchor_bucket."
  value       = local.anchor_bucket
}

output "server" {
  description = "Where the server is; null if none is made."
  value       = one(module.server[*])
}
