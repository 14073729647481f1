variable "roles_file" {
  description = "The file that \"rootkeeper policies roles --server-role-arn …\" writes: the roles and their policies."
  type        = string

  validation {
    condition     = can(jsondecode(file(var.roles_file)).roles[0].trust_policy)
    error_message = "Write the file with: rootkeeper policies roles --server-role-arn ARN --output json."
  }

  validation {
    condition = strcontains(try(file(var.roles_file), ""), join("", [
      "\"arn:${try(jsondecode(file(var.roles_file)).partition, "")}:iam::${try(jsondecode(file(var.roles_file)).role_account_id, "")}",
      ":role/${var.server_role_name}\"",
    ]))
    error_message = "No role trusts the server. Write the file with --server-role-arn and the ARN of server_role_name in the roles' account."
  }
}

variable "alarms_file" {
  description = "The file that \"rootkeeper policies alarms\" writes: what the rules pick."
  type        = string

  validation {
    condition     = can(jsondecode(file(var.alarms_file)).alarms[0].event_pattern)
    error_message = "Write the file with: rootkeeper policies alarms --output json."
  }

  validation {
    condition     = try(jsondecode(file(var.alarms_file)).role_account_id == jsondecode(file(var.roles_file)).role_account_id, false)
    error_message = "The two files are about different accounts. Write both with the same options."
  }
}

variable "server_role_name" {
  description = "Name of the role that the server runs as. The files of roles must name its ARN."
  type        = string
  default     = "rootkeeper-server"
}

variable "work" {
  description = "What the server may do: the roles that have permissions. With [\"audit\", \"report\"] it audits and reports, and can change nothing."
  type        = set(string)
  default     = ["audit", "delete", "recover", "report", "unlock"]

  validation {
    condition     = contains(var.work, "audit") && length(setsubtract(var.work, ["audit", "delete", "recover", "report", "unlock"])) == 0
    error_message = "Name audit, and if you want delete, recover, report and unlock."
  }
}

variable "anchor_bucket_name" {
  description = "Bucket with Object Lock for the ledger's anchor, which is made in the roles' account. No one can delete what is in it. Null: none is made."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key of AWS KMS that encrypts logs, secrets, database, files and topic. Its policy must allow those services. Null: AWS's own keys."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic, in the roles' account and Region, for alarms that a person must see at once. Null: one is made."
  type        = string
  default     = null
}

variable "trail_log_group_name" {
  description = "Log group of the organization trail in the roles' account. Its metric filters see every account and Region. Null: none are made."
  type        = string
  default     = null
}

variable "server" {
  description = "Image, network and settings of the server: the fields of the variable of that name in modules/server. Null: no server is made, only what it needs in AWS."
  type        = any
  default     = null
}
