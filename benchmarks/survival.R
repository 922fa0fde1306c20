# The cases of benchmarks/survival.py by R's package survival, on one row per user that is already in memory.
# Usage: Rscript survival.R FOLDER NAME LEVELS [NAME LEVELS ...]   (the covariates of lives.py); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
covariates <- given[seq(2, length(given), 2)]
sizes <- as.integer(given[seq(3, length(given), 2)])
users <- file.size(file.path(folder, "churned.int")) / 4
column <- function(name) readBin(file.path(folder, paste0(name, ".int")), "integer", users, size = 4, endian = "little")
rows <- as.data.frame(sapply(c("entry_days", "duration_days", "churned", "cause", covariates), column, simplify = FALSE))
for (i in seq_along(covariates))
  rows[[covariates[i]]] <- factor(letters[rows[[covariates[i]]] + 1], levels = letters[1:sizes[i]])
# R counts a user from after the entry day on; users watched from their first day are at risk on day 0 too.
rows$begin <- ifelse(rows$entry_days == 0, -1, rows$entry_days)
first <- rows$entry_days == 0
days <- c(0, 7, 30, 60, 90, 180)
horizon <- 180

cases <- list(
  curve = function() {
    at <- summary(survfit(Surv(begin, duration_days, churned) ~ 1, data = rows, conf.type = "log-log"), times = days)
    list(active = at$surv, active_low = at$lower, active_high = at$upper)
  },
  hazards = function() {
    list(cumulative_hazard = summary(survfit(Surv(begin, duration_days, churned) ~ 1, data = rows), times = days)$cumhaz)
  },
  means = function() {
    fit <- survfit(Surv(duration_days, churned) ~ channel, data = rows[first, ], se.fit = TRUE)
    table <- summary(fit, rmean = horizon)$table
    list(days = unname(table[, "rmean"]), standard_error = unname(table[, "se(rmean)"]))
  },
  segments = function() {
    list(chi2 = survdiff(Surv(duration_days, churned) ~ channel, data = rows[first, ])$chisq)
  },
  roads = function() {
    data <- data.frame(day = rows$duration_days[first], cause = factor(rows$cause[first], 0:3))
    at <- summary(survfit(Surv(day, cause) ~ 1, data = data), times = days[-1])
    list(share = c(at$pstate[, 2:4]), standard_error = c(at$std.err[, 2:4]))
  },
  model = function() {
    formula <- reformulate(covariates, response = quote(Surv(duration_days, churned)))
    fit <- coxph(formula, data = rows[first, ], ties = "efron")
    list(coefficient = unname(coef(fit)), standard_error = unname(sqrt(diag(vcov(fit)))))
  },
  model_late = function() {
    formula <- reformulate(covariates, response = quote(Surv(begin, duration_days, churned)))
    fit <- coxph(formula, data = rows, ties = "efron")
    list(coefficient = unname(coef(fit)), standard_error = unname(sqrt(diag(vcov(fit)))))
  }
)
told <- lapply(cases, function(run) {
  seconds <- system.time(result <- run())[["elapsed"]]
  list(seconds = seconds, result = result)
})
cat(toJSON(told, digits = 17, auto_unbox = TRUE))
