variable "untyped" {
  default = "from the default"
}

variable "list" {
  type    = list(string)
  default = ["a", 1, true]
}

variable "object" {
  type = object({
    name = string
    port = optional(number, 80)
    tags = optional(set(string))
  })
  default = { name = "x" }
}

variable "auto" {
  type = number
}

variable "nothing" {
  type    = string
  default = null
}

variable "not_null" {
  type     = string
  nullable = false
  default  = "kept"
}

variable "any" {
  type    = any
  default = { a = [1, "b"] }
}

variable "checked" {
  type    = string
  default = "1.4.2"
  validation {
    condition     = can(regex("^\\d+\\.\\d+\\.\\d+$", var.checked)) && length(var.list) > 1
    error_message = "checked must be three numbers, not ${var.checked}."
  }
}

output "all" {
  value = [var.untyped, var.list, var.object, var.auto, var.nothing, var.not_null, var.any, var.checked]
}
