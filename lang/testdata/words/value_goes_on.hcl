output "d" { value = 5 5 } # says: A block on one line holds one argument, and this goes on behind it. Put each argument on a line of its own, without commas.
