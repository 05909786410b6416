variable "release" { default = "a" }
output "a" { value = var.relase } # says: The site declares no variable "relase". Did you mean "release"?
