# Accelerated failure time models: coefficients, scale and log-likelihood of four distributions: R, package survival.
# Usage: Rscript aft.R FOLDER   (the folder of the reference data); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))
distributions <- c(exponential = "exponential", weibull = "weibull", log_logistic = "loglogistic", log_normal = "lognormal")

told <- function(formula, data) lapply(distributions, function(dist) {
  fit <- survreg(formula, data = data, dist = dist, control = survreg.control(rel.tolerance = 1e-13, maxiter = 200))
  errors <- sqrt(diag(vcov(fit)))[seq_along(coef(fit))]
  list(terms = names(coef(fit)), coefficient = unname(coef(fit)), error = unname(errors), scale = fit$scale,
       loglik = fit$loglik[2])
})

rossi <- read("ref_rossi")
lung <- read("ref_lung")
veteran <- read("ref_veteran")
figures <- list(
  rossi = told(Surv(week, arrest) ~ fin + age + prio, rossi),
  rossi_all = told(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, rossi),
  lung = told(Surv(time, status == 2) ~ sex + age, lung),
  veteran = told(Surv(time, status) ~ trt + karno, veteran)
)
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
