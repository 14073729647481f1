# Internal, with TLS alone, and only for the networks that are named.

locals {
  balancers = var.server.load_balancer == null ? {} : { server = var.server.load_balancer }
}

data "aws_subnet" "load_balancer" {
  for_each = toset(try(var.server.load_balancer.subnet_ids, []))
  id       = each.value
}

resource "aws_security_group" "load_balancer" {
  count       = length(local.balancers)
  name        = "rootkeeper-load-balancer"
  description = "The load balancer of Rootkeeper"
  vpc_id      = var.server.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "people" {
  for_each          = toset(try(var.server.load_balancer.allowed_cidrs, []))
  security_group_id = aws_security_group.load_balancer[0].id
  description       = "People, by TLS"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "server" {
  count                        = length(local.balancers)
  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "The server"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_ingress_rule" "server" {
  count                        = length(local.balancers)
  security_group_id            = aws_security_group.server.id
  description                  = "The load balancer"
  referenced_security_group_id = aws_security_group.load_balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_lb" "server" {
  count                      = length(local.balancers)
  name                       = "rootkeeper"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.server.load_balancer.subnet_ids
  security_groups            = [aws_security_group.load_balancer[0].id]
  drop_invalid_header_fields = true
  preserve_host_header       = true
  enable_deletion_protection = var.server.deletion_protection
  idle_timeout               = 120

  dynamic "access_logs" {
    for_each = var.server.load_balancer.log_bucket == null ? [] : [var.server.load_balancer.log_bucket]

    content {
      bucket  = access_logs.value
      enabled = true
    }
  }
}

resource "aws_lb_target_group" "server" {
  count                = length(local.balancers)
  name                 = "rootkeeper"
  vpc_id               = var.server.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.port
  deregistration_delay = 30

  health_check {
    path     = "/healthz"
    matcher  = "200"
    interval = 15
    timeout  = 5
  }
}

resource "aws_lb_listener" "server" {
  count             = length(local.balancers)
  load_balancer_arn = aws_lb.server[0].arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.server.load_balancer.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.server[0].arn
  }
}
