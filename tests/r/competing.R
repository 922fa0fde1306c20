# Aalen-Johansen on mgus2 (progression 1, death 2), with standard errors: R, package survival.
# Usage: Rscript competing.R FOLDER   (the folder that holds ref_mgus2.csv.gz); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
folder <- commandArgs(trailingOnly = TRUE)[1]
data <- read.csv(gzfile(file.path(folder, "ref_mgus2.csv.gz")))
months <- c(60, 120, 240)

states <- function(d) factor(ifelse(d$pstat == 1, 1, 2 * d$death), 0:2, c("censored", "progression", "death"))
told <- function(fit, at) {
  s <- summary(fit, times = at)
  columns <- match(c("progression", "death"), fit$states)
  list(share = s$pstate[, columns, drop = FALSE], error = s$std.err[, columns, drop = FALSE])
}
numbers <- function(x) paste0("[", paste(sprintf("%.12g", x), collapse = ", "), "]")
object <- function(name, t) sprintf(
  ' "%s": {"progression": %s, "progression_error": %s, "death": %s, "death_error": %s}',
  name, numbers(t$share[, 1]), numbers(t$error[, 1]), numbers(t$share[, 2]), numbers(t$error[, 2]))

data$time <- ifelse(data$pstat == 1, data$ptime, data$futime)
data$event <- states(data)
whole <- told(survfit(Surv(time, event) ~ 1, data = data), months)

# The same patients seen only from a month of their own on: delayed entry.
data$entry <- (seq_len(nrow(data)) * 7) %% 24
late <- data[data$time > data$entry, ]
late$id <- seq_len(nrow(late))
delayed <- told(survfit(Surv(entry, time, event) ~ 1, data = late, id = id), months)

by_sex <- lapply(c("F", "M"), function(s) told(survfit(Surv(time, event) ~ 1, data = data[data$sex == s, ]), months))
cat("{\n", sprintf(' "months": %s,\n', numbers(months)),
    object("whole", whole), ",\n", object("delayed", delayed), ",\n",
    object("F", by_sex[[1]]), ",\n", object("M", by_sex[[2]]), "\n}\n", sep = "")
