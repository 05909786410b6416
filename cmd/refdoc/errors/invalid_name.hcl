variable "1st" { default = "" }
