# Log-rank (rho = 0) and Peto & Peto's weighted test (rho = 1), two and more groups, with strata: R, package survival.
# Usage: Rscript logrank.R FOLDER   (the folder of the reference data); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))

told <- function(formula, data) {
  tests <- lapply(0:1, function(rho) survdiff(formula, data = data, rho = rho))
  total <- function(x) unname(if (is.matrix(x)) rowSums(x) else x)
  list(chi2 = tests[[1]]$chisq, chi2_early = tests[[2]]$chisq, observed = total(tests[[1]]$obs), expected = total(tests[[1]]$exp),
       observed_early = total(tests[[2]]$obs), expected_early = total(tests[[2]]$exp))
}

lung <- read("ref_lung")
rossi <- read("ref_rossi")
veteran <- read("ref_veteran")
figures <- list(
  lung_sex = told(Surv(time, status == 2) ~ sex, lung),
  rossi_fin = told(Surv(week, arrest) ~ fin, rossi),
  veteran_celltype = told(Surv(time, status) ~ celltype, veteran),
  veteran_trt_by_celltype = told(Surv(time, status) ~ trt + strata(celltype), veteran)
)
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
