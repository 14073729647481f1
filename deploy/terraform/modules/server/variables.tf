variable "server" {
  description = "The server: image, network and settings."

  type = object({
    # With a digest: REPOSITORY@sha256:…. A tag can be moved to another image.
    image              = string
    cpu_architecture   = optional(string, "X86_64")
    cpu                = optional(number, 1024)
    memory             = optional(number, 2048)
    log_retention_days = optional(number, 400)

    # False while the database is upgraded.
    running = optional(bool, true)

    # At least two private subnets, in different zones, from which AWS's endpoints and the image can be reached.
    vpc_id             = string
    private_subnet_ids = list(string)
    egress_cidrs       = optional(list(string), ["0.0.0.0/0"])

    # People reach it through an internal load balancer, with TLS alone. Without it no one does, and the server closes
    # windows, works by its schedules and sends notifications.
    load_balancer = optional(object({
      public_url      = string
      certificate_arn = string
      subnet_ids      = list(string)
      allowed_cidrs   = list(string)
      log_bucket      = optional(string)
    }))

    # ROOTKEEPER_… and other environment variables, and the ARNs of secrets in Secrets Manager by the name of theirs.
    settings = optional(map(string), {})
    secrets  = optional(map(string), {})

    database_class        = optional(string, "db.t4g.small")
    database_multi_az     = optional(bool, true)
    database_url_options  = optional(string, "sslmode=require")
    backup_retention_days = optional(number, 35)
    deletion_protection   = optional(bool, true)
  })

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.server.image))
    error_message = "Name the image by its digest, as REPOSITORY@sha256:…: a tag can be moved to another image."
  }

  validation {
    condition     = length(var.server.private_subnet_ids) >= 2
    error_message = "RDS needs subnets in two zones."
  }

  validation {
    condition     = var.server.load_balancer == null || startswith(try(var.server.load_balancer.public_url, ""), "https://")
    error_message = "public_url begins with https://: the load balancer has no other listener."
  }

  validation {
    condition = var.server.load_balancer == null || (
      length(try(var.server.load_balancer.allowed_cidrs, [])) > 0 &&
      alltrue([for cidr in try(var.server.load_balancer.allowed_cidrs, []) : tonumber(split("/", cidr)[1]) >= 8])
    )
    error_message = "allowed_cidrs names the networks of the people who use the console, each with a prefix of 8 or more bits."
  }

  validation {
    condition     = alltrue([for name in keys(var.server.settings) : !can(regex("PASSWORD|SECRET|TOKEN|DATABASE_URL", name))])
    error_message = "A password, secret or token belongs in secrets, as the ARN of a secret in Secrets Manager. The module makes the database's URL."
  }

  validation {
    condition     = contains(["X86_64", "ARM64"], var.server.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64, as the image."
  }
}

variable "task_role_name" {
  description = "The role that the server runs as, in this account. Access to its files is added to it."
  type        = string
}

variable "role_arns" {
  description = "The roles of a server, by their work: audit, delete, recover, report, unlock."
  type        = map(string)

  validation {
    condition     = toset(keys(var.role_arns)) == toset(["audit", "delete", "recover", "report", "unlock"])
    error_message = "A server's settings name all five roles or none."
  }
}

variable "queue_url" {
  description = "The queue of root events."
  type        = string
}

variable "anchor_bucket" {
  description = "s3://BUCKET/PREFIX of the ledger's anchor. Null: it is a file among the server's files."
  type        = string
  default     = null
}

variable "database_secret_arn" {
  description = "The secret whose text is the database's password."
  type        = string
}

variable "database_password" {
  description = "The same password, which Terraform doesn't keep."
  type        = string
  ephemeral   = true
}

variable "database_password_version" {
  description = "Another number gives the database the current password of the secret."
  type        = number
}

variable "alarm_topic_arn" {
  description = "Gets the alarms about the server itself."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts logs, secrets, database and files. Null: AWS's own keys."
  type        = string
  default     = null
}
