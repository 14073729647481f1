# Head hashes of the ledger. Object Lock in compliance mode keeps each until its retention ends: the server sets it.

locals {
  anchor_prefix = "rootkeeper"
  anchor_bucket = one([for name in aws_s3_bucket.anchor[*].id : "s3://${name}/${local.anchor_prefix}"])
}

resource "aws_s3_bucket" "anchor" {
  #checkov:skip=CKV_AWS_18:CloudTrail's data events log who read or wrote it
  #checkov:skip=CKV_AWS_144:It is a copy already; the ledger is in the database and its backups
  #checkov:skip=CKV_AWS_145:Hashes aren't secret, and a lost key must not lose the proof
  #checkov:skip=CKV2_AWS_61:Nothing is deleted by age: Object Lock's retention says how long each hash is kept
  #checkov:skip=CKV2_AWS_62:No one waits for what is written there
  count               = var.anchor_bucket_name == null ? 0 : 1
  provider            = aws.roles
  bucket              = var.anchor_bucket_name
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "anchor" {
  count    = length(aws_s3_bucket.anchor)
  provider = aws.roles
  bucket   = aws_s3_bucket.anchor[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "anchor" {
  count    = length(aws_s3_bucket.anchor)
  provider = aws.roles
  bucket   = aws_s3_bucket.anchor[0].id

  rule {
    # Hashes aren't secret, and a lost key must not lose the proof.
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "anchor" {
  count                   = length(aws_s3_bucket.anchor)
  provider                = aws.roles
  bucket                  = aws_s3_bucket.anchor[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "anchor" {
  count    = length(aws_s3_bucket.anchor)
  provider = aws.roles
  bucket   = aws_s3_bucket.anchor[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.anchor[0].arn, "${aws_s3_bucket.anchor[0].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.anchor]
}
