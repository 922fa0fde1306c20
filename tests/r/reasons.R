# Weighted log-rank tests, stratified Cox and concordance: R, package survival. Usage: Rscript reasons.R FOLDER
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))
lung <- read("ref_lung"); veteran <- read("ref_veteran"); rossi <- read("ref_rossi")
stratified <- coxph(Surv(week, arrest) ~ fin + age + prio + strata(race), data = rossi, ties = "efron",
                    control = coxph.control(eps = 1e-12, iter.max = 50, toler.chol = 1e-13))
agrees <- function(formula, data) {
  found <- concordance(formula, data = data, reverse = TRUE)
  c(unname(found$concordance), sqrt(found$var))
}
late <- transform(veteran, entry = pmin(time - 1, 10))
figures <- list(
  lung_sex_peto = survdiff(Surv(time, status) ~ sex, lung, rho = 1)$chisq,
  veteran_cell_peto = survdiff(Surv(time, status) ~ celltype, veteran, rho = 1)$chisq,
  veteran_cell_plain = survdiff(Surv(time, status) ~ celltype, veteran, rho = 0)$chisq,
  rossi_stratified = unname(coef(stratified)),
  rossi_stratified_error = unname(sqrt(diag(vcov(stratified)))),
  rossi_stratified_loglik = stratified$loglik,
  rossi_prio = agrees(Surv(week, arrest) ~ prio, rossi),
  lung_age = agrees(Surv(time, status) ~ age, lung),
  veteran_late_karno = agrees(Surv(entry, time, status) ~ I(-karno), late)
)
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
