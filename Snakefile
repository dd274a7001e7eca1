# The pipeline itself is in workflow/Snakefile; this file lets `snakemake` start here.
include: "workflow/Snakefile"


workflow.default_target = "all"
