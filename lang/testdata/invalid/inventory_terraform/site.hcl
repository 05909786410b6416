inventory "terraform" "a" {
  path = "terraform.tfstate"
  when = "perhaps" # error: wrong_type
}

inventory "terraform" "b" {
  path = "terraform.tfstate"
  when = resource.type == "aws_instance"
  name = "web" # error: duplicate_name
}

inventory "terraform" "c" {
  path    = "terraform.tfstate"
  when    = resource.type == "aws_instance"
  address = resource.values.user_data # error: sensitive
}

inventory "terraform" "d" {
  path = "terraform.tfstate"
  when = resource.type == "aws_instance"
  name = resource.values.nmae # error: unknown_reference
}

inventory "terraform" "e" {
  path = "old.tfstate" # comment
  when = true
}
