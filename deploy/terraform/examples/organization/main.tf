# Rootkeeper in the account of the delegated administrator. First write two files beside this one:
#
#   rootkeeper policies roles --server-role-arn arn:aws:iam::222233334444:role/rootkeeper-server --output json > roles.json
#   rootkeeper policies alarms --output json > alarms.json

terraform {
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0"
    }
  }
}

variable "region" {
  description = "Root sign-ins are recorded in us-east-1."
  type        = string
  default     = "us-east-1"
}

variable "management_role_arn" {
  description = "A role in the management account that can make EventBridge rules, and roles for them."
  type        = string
}

variable "roles_role_arn" {
  description = "A role in the account of the delegated administrator that can make all the rest."
  type        = string
}

variable "anchor_bucket_name" {
  description = "Bucket for the ledger's anchor."
  type        = string
}

variable "alarm_topic_arn" {
  description = "An SNS topic that exists already. Null: one is made."
  type        = string
  default     = null
}

variable "work" {
  description = "What the server may do. With [\"audit\", \"report\"] it audits and reports, and can change nothing."
  type        = set(string)
  default     = ["audit", "delete", "recover", "report", "unlock"]
}

variable "server" {
  description = "Image, network and settings of the server. Null: no server."
  type        = any
  default     = null
}

provider "aws" {
  alias  = "management"
  region = var.region

  assume_role {
    role_arn     = var.management_role_arn
    session_name = "rootkeeper-terraform"
  }
}

provider "aws" {
  alias  = "roles"
  region = var.region

  assume_role {
    role_arn     = var.roles_role_arn
    session_name = "rootkeeper-terraform"
  }
}

module "rootkeeper" {
  source = "../.."

  providers = {
    aws.management = aws.management
    aws.roles      = aws.roles
  }

  roles_file         = "${path.module}/roles.json"
  alarms_file        = "${path.module}/alarms.json"
  anchor_bucket_name = var.anchor_bucket_name
  alarm_topic_arn    = var.alarm_topic_arn
  work               = var.work
  server             = var.server
}

output "rootkeeper" {
  value = module.rootkeeper
}
