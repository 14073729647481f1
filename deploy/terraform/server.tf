locals {
  # Another number makes another password; the next task of the server gets it.
  database_password_version = 1
}

module "database_password" {
  count  = var.server == null ? 0 : 1
  source = "./modules/password"

  providers = {
    aws = aws.roles
  }

  name_prefix      = "rootkeeper-database-"
  description      = "Password of the database of Rootkeeper"
  password_version = local.database_password_version
  kms_key_arn      = var.kms_key_arn
}

module "server" {
  count  = var.server == null ? 0 : 1
  source = "./modules/server"

  providers = {
    aws = aws.roles
  }

  server          = var.server
  task_role_name  = aws_iam_role.server.name
  role_arns       = { for name, role in local.roles : name => role.role_arn }
  queue_url       = aws_sqs_queue.records.id
  anchor_bucket   = local.anchor_bucket
  alarm_topic_arn = local.topic_arn
  kms_key_arn     = var.kms_key_arn

  database_secret_arn       = module.database_password[0].secret_arn
  database_password         = module.database_password[0].password
  database_password_version = local.database_password_version

  # The server asks AWS for its organization when it starts, so its roles come first.
  depends_on = [aws_iam_role_policy.server, aws_iam_role_policy.work]
}
