# Of the other files all is said but what this one may declare.
variable "x" { # error: syntax
