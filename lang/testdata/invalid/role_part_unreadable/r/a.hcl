variable "given" { # error: syntax
