output "x" { value = "$var.x" }
output "y" { value = "${var.x" } # says: There is no closing brace for this interpolation sequence before the end of the quoted template. This might be caused by incorrect nesting inside the given expression. # says: This text has no closing quote on its line. A line break in text is written \n; text of many lines stands between <<EOT and EOT.
output "z" { value = "${var.x}}" }
