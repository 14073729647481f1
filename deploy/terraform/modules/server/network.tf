locals {
  port = 8700
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

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.server.id
  description                  = "The database"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_egress_rule" "files" {
  security_group_id            = aws_security_group.server.id
  description                  = "The files"
  referenced_security_group_id = aws_security_group.files.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_security_group" "database" {
  name        = "rootkeeper-database"
  description = "The database of Rootkeeper; it calls nothing"
  vpc_id      = var.server.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "The server"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_security_group" "files" {
  name        = "rootkeeper-files"
  description = "The files of Rootkeeper; they call nothing"
  vpc_id      = var.server.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "files" {
  security_group_id            = aws_security_group.files.id
  description                  = "The server"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}
