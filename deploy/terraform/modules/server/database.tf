resource "aws_db_subnet_group" "database" {
  name       = "rootkeeper"
  subnet_ids = var.server.private_subnet_ids
}

resource "aws_db_parameter_group" "database" {
  name   = "rootkeeper-postgres18"
  family = "postgres18"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
}

resource "aws_db_instance" "database" {
  #checkov:skip=CKV_AWS_118:The alarms need no metrics of the operating system
  #checkov:skip=CKV_AWS_161:The server signs in with a password; a token of IAM ends after 15 minutes
  identifier                      = "rootkeeper"
  engine                          = "postgres"
  engine_version                  = "18"
  instance_class                  = var.server.database_class
  db_name                         = "rootkeeper"
  username                        = "rootkeeper"
  password_wo                     = var.database_password
  password_wo_version             = var.database_password_version
  storage_type                    = "gp3"
  allocated_storage               = 20
  max_allocated_storage           = 200
  storage_encrypted               = true
  kms_key_id                      = var.kms_key_arn
  multi_az                        = var.server.database_multi_az
  db_subnet_group_name            = aws_db_subnet_group.database.name
  parameter_group_name            = aws_db_parameter_group.database.name
  vpc_security_group_ids          = [aws_security_group.behind["database"].id]
  publicly_accessible             = false
  ca_cert_identifier              = "rds-ca-rsa2048-g1"
  backup_retention_period         = var.server.backup_retention_days
  copy_tags_to_snapshot           = true
  delete_automated_backups        = false
  deletion_protection             = var.server.deletion_protection
  final_snapshot_identifier       = "rootkeeper-final"
  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn

  depends_on = [aws_cloudwatch_log_group.database]
}
