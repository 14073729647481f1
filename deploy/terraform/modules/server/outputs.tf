output "cluster" {
  description = "The cluster of Amazon ECS."
  value       = aws_ecs_cluster.server.name
}

output "service" {
  description = "The service of Amazon ECS."
  value       = aws_ecs_service.server.name
}

output "log_group" {
  description = "The server's log."
  value       = aws_cloudwatch_log_group.server.name
}

output "load_balancer" {
  description = "Make an alias record for the host of public_url with these; null without a load balancer."
  value       = one([for one in aws_lb.server : { dns_name = one.dns_name, zone_id = one.zone_id }])
}
