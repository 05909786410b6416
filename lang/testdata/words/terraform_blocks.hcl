terraform { # says: There is no block "terraform" in a site. Did you mean "runner"?
  required_version = ">= 1"
}
provider "aws" {} # says: There is no block "provider" in a site. The blocks that it takes are "runner", "variable", "locals", "chain", "host", "inventory", "job" and "output".
resource "file" "x" { # says: There is no block "resource" in a site. The blocks that it takes are "runner", "variable", "locals", "chain", "host", "inventory", "job" and "output".
  content = "a"
}
data "x" "y" {} # says: There is no block "data" in a site. The blocks that it takes are "runner", "variable", "locals", "chain", "host", "inventory", "job" and "output".
module "m" { source = "./m" } # says: There is no block "module" in a site. The blocks that it takes are "runner", "variable", "locals", "chain", "host", "inventory", "job" and "output".
output "x" { value = resource.file.x.id } # says: An output cannot use "resource". It is only known in an inventory of type terraform.
