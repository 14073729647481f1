# Some small files that a database can't have: the key of second factors, copies of the ledger, and records of windows
# that were closed while the database couldn't be written. One task writes them.

resource "aws_efs_file_system" "files" {
  encrypted       = true
  kms_key_id      = var.kms_key_arn
  throughput_mode = "elastic"

  tags = {
    Name = "rootkeeper"
  }

  # Without the key, second factors are lost; without the copies, the ledger's proof.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_efs_backup_policy" "files" {
  file_system_id = aws_efs_file_system.files.id

  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_mount_target" "files" {
  for_each        = toset(var.server.private_subnet_ids)
  file_system_id  = aws_efs_file_system.files.id
  subnet_id       = each.value
  security_groups = [aws_security_group.behind["files"].id]
}

# Everything is done as the image's own user.
resource "aws_efs_access_point" "files" {
  file_system_id = aws_efs_file_system.files.id

  posix_user {
    uid = 10001
    gid = 10001
  }

  root_directory {
    path = "/rootkeeper"

    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "0700"
    }
  }
}

resource "aws_efs_file_system_policy" "files" {
  file_system_id = aws_efs_file_system.files.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheServer"
        Effect    = "Allow"
        Principal = { AWS = data.aws_iam_role.task.arn }
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.files.arn
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.files.arn } }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "*"
        Resource  = aws_efs_file_system.files.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "files" {
  name = "rootkeeper-files"
  role = var.task_role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "UseTheFiles"
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.files.arn
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.files.arn } }
      },
    ]
  })
}
