# The roles are those of "rootkeeper policies roles": this module has no policy of its own for them.

locals {
  policies  = jsondecode(file(var.roles_file))
  partition = local.policies.partition
  roles     = { for role in local.policies.roles : role.role => role }
}

data "aws_region" "roles" {
  provider = aws.roles
}

data "aws_caller_identity" "roles" {
  provider = aws.roles

  lifecycle {
    postcondition {
      condition     = self.account_id == local.policies.role_account_id
      error_message = "The provider aws.roles isn't in the account ${local.policies.role_account_id}, for which the roles were written."
    }
  }
}

data "aws_caller_identity" "management" {
  provider = aws.management

  lifecycle {
    postcondition {
      condition     = self.account_id == local.policies.management_account_id
      error_message = "The provider aws.management isn't in the account ${local.policies.management_account_id}."
    }
  }
}

# What the server runs as. Only tasks of Amazon ECS of this account can have it.
resource "aws_iam_role" "server" {
  provider    = aws.roles
  name        = var.server_role_name
  description = "The Rootkeeper server: assumes the roles of its work, reads its queue, writes the ledger's anchor"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.policies.role_account_id }
          ArnLike = {
            "aws:SourceArn" = "arn:${local.partition}:ecs:${data.aws_region.roles.name}:${local.policies.role_account_id}:*"
          }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "server" {
  provider = aws.roles
  name     = var.server_role_name
  role     = aws_iam_role.server.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "AssumeRolesInThePersonsName"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole", "sts:SetSourceIdentity"]
          Resource = [for name in sort(keys(local.roles)) : local.roles[name].role_arn]
        },
        {
          Sid      = "ReadRecords"
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
          Resource = [aws_sqs_queue.records.arn]
        },
      ],
      [
        for bucket in aws_s3_bucket.anchor[*].arn : {
          Sid      = "ReadTheAnchor"
          Effect   = "Allow"
          Action   = ["s3:ListBucketVersions"]
          Resource = [bucket]
        }
      ],
      [
        for bucket in aws_s3_bucket.anchor[*].arn : {
          Sid      = "WriteTheAnchor"
          Effect   = "Allow"
          Action   = ["s3:PutObject", "s3:PutObjectRetention"]
          Resource = ["${bucket}/${local.anchor_prefix}/*"]
        }
      ],
    )
  })
}

resource "aws_iam_role" "work" {
  for_each             = local.roles
  provider             = aws.roles
  name                 = each.value.role_name
  description          = each.value.description
  max_session_duration = each.value.max_session_seconds
  assume_role_policy   = jsonencode(each.value.trust_policy)

  # IAM refuses to trust a role that doesn't exist.
  depends_on = [aws_iam_role.server]
}

# A role without its policy can be assumed and can do nothing: the server's settings name all five roles or none.
resource "aws_iam_role_policy" "work" {
  for_each = { for name, role in local.roles : name => role if contains(var.work, name) }
  provider = aws.roles
  name     = each.value.role_name
  role     = aws_iam_role.work[each.key].id
  policy   = jsonencode(each.value.permission_policy)
}
