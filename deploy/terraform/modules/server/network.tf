locals {
  port = 8700

  # Of PostgreSQL and of NFS. Both call nothing.
  ports_behind = { database = 5432, files = 2049 }
}

resource "aws_security_group" "server" {
  name        = "rootkeeper-server"
  description = "The Rootkeeper server"
  vpc_id      = var.server.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "aws" {
  for_each          = toset(var.server.egress_cidrs)
  security_group_id = aws_security_group.server.id
  description       = "AWS, the identity provider and notifications, by TLS"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "behind" {
  for_each    = local.ports_behind
  name        = "rootkeeper-${each.key}"
  description = "The ${each.key} of Rootkeeper, which nothing but the server reaches"
  vpc_id      = var.server.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "behind" {
  for_each                     = local.ports_behind
  security_group_id            = aws_security_group.server.id
  description                  = "The ${each.key}"
  referenced_security_group_id = aws_security_group.behind[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "behind" {
  for_each                     = local.ports_behind
  security_group_id            = aws_security_group.behind[each.key].id
  description                  = "The server"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}
