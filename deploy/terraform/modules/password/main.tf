# A password that is made once, is kept in Secrets Manager alone, and is in no state of Terraform.

variable "name_prefix" {
  description = "Begin of the secret's name."
  type        = string
}

variable "description" {
  description = "What the password is for."
  type        = string
}

variable "password_version" {
  description = "Another number makes another password."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts it. Null: AWS's own key."
  type        = string
  default     = null
}

ephemeral "aws_secretsmanager_random_password" "new" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "password" {
  #checkov:skip=CKV2_AWS_57:A running task keeps the password with which it started; password_version makes another
  name_prefix = var.name_prefix
  description = var.description
  kms_key_id  = var.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "password" {
  secret_id                = aws_secretsmanager_secret.password.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.new.random_password
  secret_string_wo_version = var.password_version
}

# What is kept, so that a run that continues after an error uses the same password.
ephemeral "aws_secretsmanager_secret_version" "password" {
  secret_id  = aws_secretsmanager_secret.password.id
  version_id = aws_secretsmanager_secret_version.password.version_id
}

output "secret_arn" {
  description = "ARN of the secret."
  value       = aws_secretsmanager_secret_version.password.arn
}

output "password" {
  description = "The password, for an argument that Terraform doesn't keep."
  value       = ephemeral.aws_secretsmanager_secret_version.password.secret_string
  ephemeral   = true
}
