variable "a" {
  type    = object({ a = optional(list(number), [for a in [1] : a]) }) # error: invalid_type
  default = null
}
