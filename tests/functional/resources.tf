# Every resource of Terraform's that the sandbox has operations for, beside those of policies terraform.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0"
    }
  }
}
provider "aws" {
  s3_use_path_style = true
}
data "aws_caller_identity" "current" {}
data "aws_organizations_organization" "current" {}
resource "aws_sqs_queue" "events" {
  name = "root-events"
  tags = { team = "security" }
}
resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.events.arn
    }]
  })
}
resource "aws_s3_bucket" "anchor" {
  bucket              = "amzn-s3-demo-terraform"
  object_lock_enabled = true
  tags                = { team = "security" }
}
resource "aws_s3_bucket_policy" "anchor" {
  bucket = aws_s3_bucket.anchor.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny", Principal = "*", Action = "s3:*", Resource = [aws_s3_bucket.anchor.arn, "${aws_s3_bucket.anchor.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
resource "aws_s3_bucket_public_access_block" "anchor" {
  bucket                  = aws_s3_bucket.anchor.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_server_side_encryption_configuration" "anchor" {
  bucket = aws_s3_bucket.anchor.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
resource "aws_s3_bucket_versioning" "anchor" {
  bucket = aws_s3_bucket.anchor.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_cloudwatch_event_rule" "root" {
  name          = "root"
  description   = "root"
  event_pattern = jsonencode({ detail = { userIdentity = { type = ["Root"] } } })
  state         = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
  tags          = { team = "security" }
}
resource "aws_cloudwatch_event_target" "root" {
  rule = aws_cloudwatch_event_rule.root.name
  arn  = aws_sqs_queue.events.arn
}
resource "aws_organizations_organizational_unit" "new" {
  name      = "Terraform"
  parent_id = data.aws_organizations_organization.current.roots[0].id
  tags      = { team = "security" }
}
resource "aws_iam_role" "tagged" {
  name = "tagged"
  tags = { team = "security" }
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_iam_role_policy_attachment" "tagged" {
  role       = aws_iam_role.tagged.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
