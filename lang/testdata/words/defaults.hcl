variable "x" { default = var.y } # says: This value must be written out: it cannot refer to anything.
variable "y" { default = upper("x") } # says: This value must be written out: it cannot call a function.
variable "z" {
  default = local.a # says: This value must be written out: it cannot refer to anything.
}
locals { a = 1 }
